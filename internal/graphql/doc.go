// Package graphql answers GraphQL queries: it reads a query, checks it against
// a schema, and runs it over plain values.
//
// It follows the specification of October 2021 for queries: variables,
// arguments, aliases, named and inline fragments, @include and @skip, and null
// where an error left nothing. Mutations, subscriptions, introspection beyond
// __typename, input objects and unions are not there, and a query that asks for
// them is told so. The texts and the codes of errors are those of graphql-ruby,
// which GitHub's API runs on.
package graphql
