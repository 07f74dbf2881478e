package githubapptest

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"io"
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/molecule-ai/provisionkit/internal/graphql"
)

const graphQLDocs = "https://docs.github.com/graphql"

var (
	errGraphQLAnonymous = &apiError{status: 401, docs: graphQLDocs + "/guides/forming-calls-with-graphql#authenticating-with-graphql",
		message: "This endpoint requires you to be authenticated."}
	errGraphQLNoQuery = &apiError{status: 400, docs: graphQLDocs, message: "A query attribute must be specified and must be a string."}
)

//go:embed schema.graphql
var schemaText string

var graphQLSchema = sync.OnceValue(func() *graphql.Schema {
	schema, err := graphql.ParseSchema(schemaText)
	if err != nil {
		panic("githubapptest: schema.graphql: " + err.Error())
	}
	return schema
})

// graphQL answers POST /graphql, on GitHub Enterprise Server POST /api/graphql.
// Once a query could be read, what is wrong with it stands in the errors of a
// 200.
func (s *Server) graphQL(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("X-GitHub-Media-Type", "github.v4; format=json")
	session, refusal := s.session(exchangeOf(r).caller)
	if refusal == errNoCredentials {
		refusal = errGraphQLAnonymous
	}
	if refusal != nil {
		refusal.write(w)
		return
	}
	asked, refusal := readGraphQL(r)
	if refusal != nil {
		refusal.write(w)
		return
	}
	writeJSON(w, http.StatusOK, graphQLSchema().Execute(asked, s.graphQLRoot(w.Header(), session), s.mutations(w, r, session)))
}

func readGraphQL(r *http.Request) (graphql.Request, *apiError) {
	body, err := io.ReadAll(r.Body)
	if err != nil || !json.Valid(body) {
		return graphql.Request{}, errNotJSON
	}
	var asked struct {
		Query         string         `json:"query"`
		OperationName string         `json:"operationName"`
		Variables     map[string]any `json:"variables"`
	}
	numbers := json.NewDecoder(bytes.NewReader(body))
	numbers.UseNumber()
	if numbers.Decode(&asked) != nil || asked.Query == "" {
		return graphql.Request{}, errGraphQLNoQuery
	}
	return graphql.Request{Query: asked.Query, OperationName: asked.OperationName, Variables: asked.Variables}, nil
}

// graphQLRoot returns where the queries of a session start.
func (s *Server) graphQLRoot(h http.Header, session session) graphql.Object {
	return graphql.Object{
		"viewer": s.viewer(session),
		"repository": graphql.Func(func(arguments map[string]any) (any, *graphql.Error) {
			fullName := arguments["owner"].(string) + "/" + arguments["name"].(string)
			repo, moved, err := s.repositoryByName(fullName)
			if err != nil || !session.reaches(repo) || (moved && arguments["followRenames"] != true) {
				return nil, &graphql.Error{Type: "NOT_FOUND", Message: "Could not resolve to a Repository with the name '" + fullName + "'."}
			}
			return s.graphQLRepository(repo, session), nil
		}),
		"rateLimit": graphQLRateLimit(h),
	}
}

// viewer returns who a token acts as: a person, or the bot of its app.
func (s *Server) viewer(session session) graphql.Object {
	s.mu.Lock()
	app := s.apps[session.token.appID]
	s.mu.Unlock()
	login, accountType := session.actor()
	path := accountPath(login, accountType)
	out := graphql.Object{
		"id": accountNodeID(login, accountType), "databaseId": accountID(login), "login": login, "email": "", "isViewer": true,
		"avatarUrl": s.URL + "/avatars/in/" + strconv.FormatInt(app.ID, 10), "resourcePath": path, "url": s.URL + path,
		"createdAt": timestamp(app.createdAt),
	}
	if session.user != nil {
		out["avatarUrl"] = s.URL + "/avatars/u/" + strconv.FormatInt(accountID(login), 10)
		if session.user.Name != "" {
			out["name"] = session.user.Name
		}
	}
	return out
}

// graphQLRateLimit returns what the headers of the answer say, and null where
// limits are off.
func graphQLRateLimit(h http.Header) any {
	if h.Get("X-RateLimit-Limit") == "" {
		return nil
	}
	now := announced(h)
	return graphql.Object{
		"cost": 1, "nodeCount": 0, "limit": now.Limit, "remaining": now.Remaining, "used": now.Used,
		"resetAt": timestamp(time.Unix(now.Reset, 0)),
	}
}
