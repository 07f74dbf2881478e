package forge

import (
	"bytes"
	"encoding/json"
	"net/http"
	"regexp"
	"strings"

	"github.com/molecule-ai/provisionkit/internal/graphql"
	"github.com/molecule-ai/provisionkit/tokenprovider/gateway"
)

// graphQLOperation returns what a request of GraphQL asks for.
func graphQLOperation(r *http.Request) (gateway.Operation, error) {
	op := gateway.Operation{Kind: gateway.KindAPI, Method: r.Method, Path: "/graphql"}
	refuse := func(why string) (gateway.Operation, error) {
		return op, &gateway.Refusal{Message: "the request of GraphQL is refused: " + why}
	}
	if r.Method != http.MethodPost || r.URL.RawQuery != "" {
		return refuse("it has to be a POST without a query in its URL")
	}
	body, err := gateway.Body(r)
	if err != nil {
		return op, err
	}
	fields, err := gateway.Fields(body)
	if err != nil {
		return refuse(err.Error())
	}
	var req graphql.Request
	if json.Unmarshal(fields["query"], &req.Query) != nil || req.Query == "" {
		return refuse("it has no query")
	}
	if name := fields["operationName"]; name != nil && json.Unmarshal(name, &req.OperationName) != nil {
		return refuse("its operationName is no text")
	}
	if req.Variables, err = variables(fields["variables"]); err != nil {
		return refuse("its variables: " + err.Error())
	}
	asked, err := graphql.Describe(req)
	if err != nil {
		return refuse("its query can't be read: " + err.Error())
	}
	op.Write = asked.Mutation
	for _, field := range asked.Root {
		op.MovesRefs = op.MovesRefs || asked.Mutation && movesRefsBy(field.Name)
	}
	op.Repository = meant(asked)
	return op, nil
}

// variables returns the variables of a request, of which two names that are the
// same but for their case are an error.
func variables(raw json.RawMessage) (map[string]any, error) {
	if raw = bytes.TrimSpace(raw); len(raw) == 0 || string(raw) == "null" {
		return nil, nil
	}
	fields, err := gateway.Fields(raw)
	if err != nil {
		return nil, err
	}
	values := make(map[string]any, len(fields))
	for name, value := range fields {
		var v any
		if err := json.Unmarshal(value, &v); err != nil {
			return nil, err
		}
		values[name] = v
	}
	return values, nil
}

// meant returns the repository that a query is about: the one that all its
// fields ask for, which are called repository. It is "" when there is none, more
// than one, or anything else beside it, and for a mutation, which names what it
// changes by its id. What is below these fields isn't looked at.
func meant(asked graphql.Description) string {
	found := ""
	for _, field := range asked.Root {
		owner, _ := field.Arguments["owner"].(string)
		name, _ := field.Arguments["name"].(string)
		fullName := strings.ToLower(owner + "/" + name)
		switch {
		case field.Name == "__typename", field.Name == "rateLimit":
			continue
		case asked.Mutation, field.Name != "repository", !isRepository(fullName), found != "" && found != fullName:
			return ""
		}
		found = fullName
	}
	return found
}

// refWords are what the names of mutations that move branches or tags are made
// of, as createCommitOnBranch, updateRefs and enablePullRequestAutoMerge are. So
// one that is newer than this list is taken for one that does.
var refWords = set("branch", "commit", "merge", "ref", "refs", "revert", "enqueue", "suggested", "suggestion", "release", "tag")

var word = regexp.MustCompile(`[A-Z]?[a-z]+|[A-Z]+`)

// otherwise are mutations whose names mislead: a deployment merges the default
// branch into its ref unless it is told not to, and the others move none.
var otherwise = map[string]bool{
	"createDeployment": true,

	"createBranchProtectionRule": false, "updateBranchProtectionRule": false, "deleteBranchProtectionRule": false,
	"deleteLinkedBranch":                        false, // the branch stays
	"disablePullRequestAutoMerge":               false,
	"acceptTopicSuggestion":                     false,
	"declineTopicSuggestion":                    false,
	"updateOrganizationWebCommitSignoffSetting": false,
	"updateRepositoryWebCommitSignoffSetting":   false,
}

func movesRefsBy(mutation string) bool {
	if moves, known := otherwise[mutation]; known {
		return moves
	}
	for _, w := range word.FindAllString(mutation, -1) {
		if refWords[strings.ToLower(w)] {
			return true
		}
	}
	return false
}
