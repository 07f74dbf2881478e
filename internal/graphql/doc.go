// Package graphql answers GraphQL queries and mutations: it reads one, checks it
// against a schema, and runs it over plain values.
//
// It follows the specification of October 2021 for both: variables, arguments,
// input objects, aliases, named and inline fragments, @include and @skip, and
// null where an error left nothing. Subscriptions, introspection beyond
// __typename and unions are not there, and a query that asks for them is told so.
// The texts and the codes of errors are those of graphql-ruby, which GitHub's API
// runs on.
package graphql
