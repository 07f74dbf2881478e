package graphql_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/molecule-ai/provisionkit/internal/graphql"
	"github.com/stretchr/testify/require"
)

const schemaText = `
scalar URI
enum Size { SMALL LARGE }
interface Pet { name: String! }
type Dog implements Pet { name: String! barks: Boolean! owner: Person }
type Cat implements Pet { name: String! lives: Int! }
type Person { name: String! pets(first: Int = 2, sizes: [Size!]): [Pet!]! secret: String! home: URI }
input Collar { size: Size! = LARGE name: String tags: [String!] }
input Gift { to: ID! count: Int = 1 collar: Collar }
type Mutation { give(gift: Gift!, more: [Gift!] = []): Given }
type Given { said: String! }
type Query { me: Person! nobody: Person person(name: String!, loud: Boolean = false): Person }
`

// mutations says what they were given.
func mutations() graphql.Object {
	return graphql.Object{"give": graphql.Func(func(arguments map[string]any) (any, *graphql.Error) {
		said, err := json.Marshal(arguments)
		if err != nil {
			return nil, &graphql.Error{Message: err.Error()}
		}
		return graphql.Object{"said": string(said)}, nil
	})}
}

func root() graphql.Object {
	rex := graphql.Object{"__typename": "Dog", "name": "Rex", "barks": true}
	tom := graphql.Object{"__typename": "Cat", "name": "Tom", "lives": 9}
	me := graphql.Object{"name": "Ann", "home": "https://example.com/<ann>"}
	me["pets"] = graphql.Func(func(arguments map[string]any) (any, *graphql.Error) {
		first, _ := arguments["first"].(int64) // null means none
		return []graphql.Object{rex, tom}[:max(0, min(first, 2))], nil
	})
	me["secret"] = graphql.Func(func(map[string]any) (any, *graphql.Error) {
		return nil, &graphql.Error{Type: "FORBIDDEN", Message: "no"}
	})
	rex["owner"] = me
	return graphql.Object{"me": me, "person": graphql.Func(func(arguments map[string]any) (any, *graphql.Error) {
		name := arguments["name"].(string)
		if arguments["loud"] == true {
			name = strings.ToUpper(name)
		}
		return graphql.Object{"name": name}, nil
	})}
}

// execute runs a query with variables in JSON and returns the answer in JSON.
func execute(t testing.TB, query, variables string) string {
	t.Helper()
	schema, err := graphql.ParseSchema(schemaText)
	require.NoError(t, err)
	req := graphql.Request{Query: query}
	if variables != "" {
		numbers := json.NewDecoder(bytes.NewReader([]byte(variables)))
		numbers.UseNumber()
		require.NoError(t, numbers.Decode(&req.Variables))
	}
	answer, err := json.Marshal(schema.Execute(req, root(), mutations()))
	require.NoError(t, err)
	return string(answer)
}

func TestAQueryIsAnsweredInItsOrder(t *testing.T) {
	for name, c := range map[string]struct{ query, variables, want string }{
		"fields":              {`{me{name home}}`, "", `{"me":{"name":"Ann","home":"https://example.com/\u003cann\u003e"}}`},
		"order and aliases":   {`query Q { b: me { y: name, x: home } a: nobody { name } }`, "", `{"b":{"y":"Ann","x":"https://example.com/\u003cann\u003e"},"a":null}`},
		"an argument":         {`{person(name: "Bob\n\u00e9\ud83d\ude00\/") { name }}`, "", `{"person":{"name":"Bob\né😀/"}}`},
		"a default":           {`{me{pets{name}}}`, "", `{"me":{"pets":[{"name":"Rex"},{"name":"Tom"}]}}`},
		"a number":            {`{me{pets(first: 1, sizes: [SMALL, LARGE]){name}}}`, "", `{"me":{"pets":[{"name":"Rex"}]}}`},
		"one for a list":      {`{me{pets(first: 0, sizes: SMALL){name}}}`, "", `{"me":{"pets":[]}}`},
		"a block string":      {"{person(name: \"\"\"\n    one\n      two \\\"\"\"\n    \"\"\"){name}}", "", `{"person":{"name":"one\n  two \"\"\""}}`},
		"variables":           {`query($n: String!, $l: Boolean){person(name: $n, loud: $l){name}}`, `{"n":"Bob","l":true,"other":1}`, `{"person":{"name":"BOB"}}`},
		"a variable left out": {`query($n: String = "Eve", $l: Boolean){person(name: $n, loud: $l){name}}`, `{}`, `{"person":{"name":"Eve"}}`},
		"an enum in JSON":     {`query($s: [Size!]){me{pets(sizes: $s){name}}}`, `{"s":["SMALL"]}`, `{"me":{"pets":[{"name":"Rex"},{"name":"Tom"}]}}`},
		"inline fragments":    {`{me{pets{__typename ...on Dog{barks} ...on Cat{lives} ...{name}}}}`, "", `{"me":{"pets":[{"__typename":"Dog","barks":true,"name":"Rex"},{"__typename":"Cat","lives":9,"name":"Tom"}]}}`},
		"named fragments": {`query{me{...p pets(first:1){...d}}} fragment p on Person{name} fragment d on Dog{owner{...p}}`, "",
			`{"me":{"name":"Ann","pets":[{"owner":{"name":"Ann"}}]}}`},
		"merged fields": {`{me{name} ...q} fragment q on Query{me{home}}`, "", `{"me":{"name":"Ann","home":"https://example.com/\u003cann\u003e"}}`},
		"directives": {`query($y: Boolean!){me{name @include(if: $y) home @skip(if: true) __typename}}`, `{"y":false}`,
			`{"me":{"__typename":"Person"}}`},
		"nothing left":          {`{me{name @skip(if: true)}}`, "", `{"me":{}}`},
		"comments and commas":   {"\ufeff# first\n{,me,{name,},} # last", "", `{"me":{"name":"Ann"}}`},
		"keywords are no words": {`query query{query:me{fragment:name}}`, "", `{"query":{"fragment":"Ann"}}`},
	} {
		t.Run(name, func(t *testing.T) {
			require.Equal(t, `{"data":`+c.want+`}`, execute(t, c.query, c.variables))
		})
	}
}

func TestAMistakeInAQueryIsNamed(t *testing.T) {
	for name, c := range map[string]struct{ query, variables, message string }{
		"no such field":            {`{me{age}}`, "", "Field 'age' doesn't exist on type 'Person'"},
		"of another type":          {`{me{pets{barks}}}`, "", "Field 'barks' doesn't exist on type 'Pet'"},
		"no selection":             {`{me}`, "", "Field must have selections (field 'me' returns Person but has no selections. Did you mean 'me { ... }'?)"},
		"a selection of a scalar":  {`{me{name{x}}}`, "", "Selections can't be made on scalars (field 'name' returns String but has selections)"},
		"a missing argument":       {`{person{name}}`, "", "Field 'person' is missing required arguments: name"},
		"an argument too many":     {`{me{name(x: 1)}}`, "", "Field 'name' doesn't accept argument 'x'"},
		"an argument twice":        {`{person(name: "a", name: "b"){name}}`, "", `There can be only one argument named "name"`},
		"an argument's type":       {`{person(name: 3){name}}`, "", "Argument 'name' on Field 'person' has an invalid value (3). Expected type 'String!'."},
		"null":                     {`{person(name: null){name}}`, "", "Argument 'name' on Field 'person' has an invalid value (null). Expected type 'String!'."},
		"no such enum value":       {`{me{pets(sizes: [HUGE]){name}}}`, "", `Argument 'sizes' on Field 'pets' has an invalid value (["HUGE"]). Expected type '[Size!]'.`},
		"an undeclared variable":   {`{person(name: $n){name}}`, "", "Variable $n is used by anonymous query but not declared"},
		"an unused variable":       {`query Q($n: String){me{name}}`, "", "Variable $n is declared by Q but not used"},
		"a variable's type":        {`query Q($n: Int!){person(name: $n){name}}`, "", "Type mismatch on variable $n and argument name (Int! / String!)"},
		"a nullable variable":      {`query Q($n: String){person(name: $n){name}}`, "", "Type mismatch on variable $n and argument name (String / String!)"},
		"in a fragment":            {`query Q{...f} fragment f on Query{person(name: $n){name}}`, "", "Variable $n is used by Q but not declared"},
		"no such type":             {`query Q($n: Name){person(name: $n){name}}`, "", "Name isn't a defined input type (on $n)"},
		"a default's type":         {`query Q($n: String = 3){person(name: $n){name}}`, "", "Default value for $n doesn't match type String"},
		"no value":                 {`query Q($n: String!){person(name: $n){name}}`, `{}`, "Variable $n of type String! was provided invalid value"},
		"a value's type":           {`query Q($n: String!){person(name: $n){name}}`, `{"n":3}`, "Variable $n of type String! was provided invalid value"},
		"no such fragment":         {`{...f}`, "", "Fragment f was used, but not defined"},
		"an unused fragment":       {`{me{name}} fragment f on Person{name}`, "", "Fragment f was defined, but not used"},
		"a loop":                   {`{me{...f}} fragment f on Person{pets{...on Dog{owner{...f}}}}`, "", "Fragment f contains an infinite loop"},
		"a fragment of no type":    {`{...on Nothing{x}}`, "", "No such type Nothing, so it can't be a fragment condition"},
		"a fragment out of place":  {`{me{...on Dog{name}}}`, "", "Fragment on Dog can't be spread inside Person"},
		"no such directive":        {`{me{name @defer}}`, "", "Directive @defer is not defined"},
		"a directive's argument":   {`{me{name @skip}}`, "", "Directive 'skip' is missing required arguments: if"},
		"a subscription":           {`subscription{me{name}}`, "", "Schema is not configured for subscriptions"},
		"no such mutation":         {`mutation{me{name}}`, "", "Field 'me' doesn't exist on type 'Mutation'"},
		"no object":                {`mutation{give(gift: "x"){said}}`, "", "Argument 'gift' on Field 'give' has an invalid value (\"x\"). Expected type 'Gift!'."},
		"no such member":           {`mutation{give(gift: {to: "a", by: 1}){said}}`, "", `Argument 'gift' on Field 'give' has an invalid value ({"by":1,"to":"a"}). Expected type 'Gift!'.`},
		"a member that is missing": {`mutation{give(gift: {}){said}}`, "", "Argument 'gift' on Field 'give' has an invalid value ({}). Expected type 'Gift!'."},
		"a variable in an object":  {`mutation M($t: Int!){give(gift: {to: $t}){said}}`, "", "Type mismatch on variable $t and argument to (Int! / ID!)"},
		"an object in JSON":        {`mutation M($g: Gift!){give(gift: $g){said}}`, `{"g":{"to":"a","count":"x"}}`, "Variable $g of type Gift! was provided invalid value"},
		"two without a name":       {`query A{me{name}} query B{me{name}}`, "", "An operation name is required"},
		"two fields of one name":   {`{me{x:name x:home}}`, "", "Field 'x' has a field conflict"},
		"introspection":            {`{__schema{types{name}}}`, "", "Field '__schema' doesn't exist on type 'Query'"},
		"the end too early":        {`{me{name}`, "", "Unexpected end of document"},
		"nothing":                  {``, "", "Unexpected end of document"},
		"a brace too many":         {`{me{name}}}`, "", `Expected "{", actual: PUNCTUATOR ("}") at [1, 11]`},
		"empty braces":             {`{me{}}`, "", `Expected NAME, actual: PUNCTUATOR ("}") at [1, 5]`},
		"another character":        {"{me{\n  né}}", "", `Parse error on "é" (UNKNOWN_CHAR) at [2, 4]`},
		"an open string":           {`{person(name: "x){name}}`, "", `Parse error on "\"" (UNKNOWN_CHAR) at [1, 15]`},
		"a number with a zero":     {`{me{pets(first: 01){name}}}`, "", `Parse error on "1" (UNKNOWN_CHAR) at [1, 18]`},
		"another word":             {`ask{me{name}}`, "", `Expected one of query, mutation, subscription, fragment, {, actual: IDENTIFIER ("ask") at [1, 1]`},
		"nested beyond all bounds": {strings.Repeat("{a", 100_000), "", "Query is nested too deep"},
	} {
		t.Run(name, func(t *testing.T) {
			var answer struct {
				Data   json.RawMessage
				Errors []struct{ Message string }
			}
			require.NoError(t, json.Unmarshal([]byte(execute(t, c.query, c.variables)), &answer))
			require.NotEmpty(t, answer.Errors)
			require.Equal(t, c.message, answer.Errors[0].Message)
		})
	}
}

func TestAMutationGetsItsInputWithDefaults(t *testing.T) {
	for name, c := range map[string]struct{ query, variables, want string }{
		"in the text":    {`mutation{give(gift:{to:7,collar:{name:"x"}}){said}}`, "", `{"gift":{"collar":{"name":"x","size":"LARGE"},"count":1,"to":7},"more":[]}`},
		"a variable":     {`mutation($t:ID!,$n:Int){give(gift:{to:$t,count:$n}){said}}`, `{"t":"a"}`, `{"gift":{"count":1,"to":"a"},"more":[]}`},
		"the whole":      {`mutation($g:Gift!){give(gift:$g){said}}`, `{"g":{"to":"a","count":2,"collar":{"size":"SMALL","tags":"t"}}}`, `{"gift":{"collar":{"size":"SMALL","tags":["t"]},"count":2,"to":"a"},"more":[]}`},
		"a list of them": {`mutation($g:[Gift!]){give(gift:{to:"a"},more:$g){said}}`, `{"g":[{"to":"b"}]}`, `{"gift":{"count":1,"to":"a"},"more":[{"count":1,"to":"b"}]}`},
	} {
		t.Run(name, func(t *testing.T) {
			var answer struct {
				Data struct{ Give struct{ Said string } }
			}
			got := execute(t, c.query, c.variables)
			require.NoError(t, json.Unmarshal([]byte(got), &answer))
			require.JSONEq(t, c.want, answer.Data.Give.Said, got)
		})
	}
}

func TestAMistakeSaysWhereItIs(t *testing.T) {
	require.JSONEq(t, `{"errors":[{"path":["query Q","m","age"],"extensions":{"code":"undefinedField","typeName":"Person","fieldName":"age"},
		"locations":[{"line":2,"column":7}],"message":"Field 'age' doesn't exist on type 'Person'"}]}`, execute(t, "query Q {\n m:me{age}}", ""))
}

func TestAnErrorLeavesNullWhereNullMayBe(t *testing.T) {
	require.JSONEq(t, `{"data":null,"errors":[{"type":"FORBIDDEN","path":["me","s"],"locations":[{"line":1,"column":5}],"message":"no"}]}`,
		execute(t, `{me{s:secret}}`, ""))
	require.JSONEq(t, `{"data":{"person":null},"errors":[{"path":["person"],"locations":[{"line":1,"column":24}],
		"message":"Argument 'name' on Field 'person' must not be null"}]}`, execute(t, `query($n:String = "x"){person(name:$n){name}}`, `{"n":null}`))
	require.JSONEq(t, `{"data":{"me":{"pets":[{"owner":null},{}]}},"errors":[{"type":"FORBIDDEN","path":["me","pets",0,"owner","secret"],
		"locations":[{"line":1,"column":28}],"message":"no"}]}`, execute(t, `{me{pets{...on Dog{owner{  secret}}}}}`, ""))
}

// A chain of fragments that each spread the next twice would be 2^60 fields.
func TestAQueryThatExplodesIsAnsweredAtOnce(t *testing.T) {
	query := "{me{...f0}}"
	for n := range 60 {
		query += fmt.Sprintf(" fragment f%d on Person{...f%d ...f%d}", n, n+1, n+1)
	}
	require.Equal(t, `{"data":{"me":{"name":"Ann"}}}`,
		execute(t, query+" fragment f60 on Person{name}", ""))
}

func TestASchemaWithAMistakeIsRefused(t *testing.T) {
	for text, want := range map[string]string{
		`type A { x: String }`:                                      "no type Query",
		`type Query { x: Nothing }`:                                 "isn't defined",
		`type Query { x(a: B): String }`:                            "no scalar, enum or input",
		`type Query { x: Int } input I { a: Query }`:                "no scalar, enum or input",
		`type Query { x String }`:                                   `Expected ":"`,
		`union U = A`:                                               "Expected one of type, interface, enum, scalar",
		`interface I { y: Int } type Query implements I { x: Int }`: "without its field y",
		`type Query implements I { x: Int }`:                        "I, which isn't defined",
	} {
		_, err := graphql.ParseSchema(text)
		require.ErrorContains(t, err, want, text)
	}
}

func FuzzExecute(f *testing.F) {
	for _, query := range []string{
		`{me{name}}`, `query Q($n: String! = "x", $s: [Size!]) { a: person(name: $n) { ...p @include(if: true) } } fragment p on Person { name pets(sizes: $s) { ... on Dog { barks } } }`,
		"{person(name: \"\"\"\n a\n \"\"\"){name}}",
		`{me{pets(first: -1e3, sizes: {a: [null]}){name}}}`,
		`{person(name: "\ud83d\\ude00"){name}}`,
		`mutation M($n: ID!) { give(gift: {to: $n, collar: {tags: ["a"]}}) { said } }`,
	} {
		f.Add(query)
	}
	schema, err := graphql.ParseSchema(schemaText)
	require.NoError(f, err)
	f.Fuzz(func(t *testing.T, query string) {
		answer, err := json.Marshal(schema.Execute(graphql.Request{Query: query, Variables: map[string]any{"n": "x"}}, root(), mutations()))
		require.NoError(t, err)
		require.True(t, json.Valid(answer))
	})
}
