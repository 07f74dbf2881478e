package clienttest

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"mime"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"
	"github.com/getkin/kin-openapi/routers/gorillamux"
	"github.com/stretchr/testify/require"
)

// undeclared are answers that GitHub gives although its description of the operation asked for doesn't have them, or
// leaves out what all errors have: the shared response that describes them, "" for none.
var undeclared = map[int]string{
	202: "", // an uninstall, since the API version of 2026-03-10
	400: "bad_request",
	401: "requires_authentication",
	403: "forbidden",
	404: "not_found",
	405: "not_found", // whose body is that of any other error
	409: "conflict",
	422: "validation_failed",
	429: "forbidden", // declared nowhere; its body is that of any other rate limit
	301: "moved_permanently",
}

// aliases are routes that GitHub redirects to and describes by another name.
var aliases = map[string]string{
	"/repositories/{repository_id}":              "/repos/{owner}/{repo}",
	"/repositories/{repository_id}/installation": "/repos/{owner}/{repo}/installation",
	"/repositories/{repository_id}/readme":       "/repos/{owner}/{repo}/readme",
}

// withSlashes are the parameters at the end of a path that may have slashes in them.
var withSlashes = regexp.MustCompile(`\{(path|branch|ref)\}$`)

// description is GitHub's description of its API, stricter by one rule: an object has no members but the described.
type description struct {
	doc    *openapi3.T
	router routers.Router
}

func newDescription(t testing.TB) *description {
	t.Helper()
	d, err := loadDescription()
	require.NoError(t, err)
	return d
}

var loadDescription = sync.OnceValues(func() (*description, error) {
	doc, err := openapi3.NewLoader().LoadFromFile("testdata/openapi.json")
	if err != nil {
		return nil, err
	}
	if err := doc.Validate(context.Background(), openapi3.DisableExamplesValidation()); err != nil {
		return nil, err
	}
	// GitHub's errors repeat their status, as those of basic-error are described to.
	schemas := doc.Components.Schemas
	// The package has a copy of the installation in the description of the list of them, in which an account must be a
	// user and an enterprise at once. GitHub lists what it answers elsewhere.
	list := doc.Paths.Value("/app/installations").Get.Responses.Status(200).Value.Content.Get("application/json")
	list.Schema = openapi3.NewArraySchema().WithItems(schemas["installation"].Value).NewRef()
	schemas["validation-error"].Value.Properties["status"] = schemas["basic-error"].Value.Properties["status"]
	closed := map[*openapi3.Schema]bool{}
	for _, schema := range schemas {
		closeSchema(schema, closed)
	}
	for path, item := range doc.Paths.Map() {
		for method, operation := range item.Operations() {
			for _, response := range operation.Responses.Map() {
				for _, content := range response.Value.Content {
					closeSchema(content.Schema, closed)
				}
			}
			if operation.RequestBody != nil {
				closeSchema(operation.RequestBody.Value.Content.Get("application/json").Schema, closed)
			}
			operation.OperationID = method + " " + path
		}
	}
	for path, described := range aliases {
		get := *doc.Paths.Value(described).Get
		get.Parameters = openapi3.Parameters{{Value: openapi3.NewPathParameter("repository_id").WithSchema(openapi3.NewInt64Schema())}}
		doc.Paths.Set(path, &openapi3.PathItem{Get: &get})
	}
	for path, item := range doc.Paths.Map() { // GitHub's paths of files, branches and refs have slashes
		if open := withSlashes.ReplaceAllString(path, "{$1:.+}"); open != path {
			doc.Paths.Delete(path)
			doc.Paths.Set(open, item)
		}
	}
	doc.Servers = openapi3.Servers{{URL: "/api/v3"}, {URL: "/"}}
	router, err := gorillamux.NewRouter(doc)
	return &description{doc: doc, router: router}, err
})

// closeSchema refuses members that are not described, in s and all below it. What allOf composes becomes one schema.
func closeSchema(ref *openapi3.SchemaRef, closed map[*openapi3.Schema]bool) {
	if ref == nil || closed[ref.Value] {
		return
	}
	s := ref.Value
	closed[s] = true
	if len(s.AllOf) > 1 {
		merged := *s
		merged.AllOf, merged.Properties = nil, maps.Clone(s.Properties)
		if merged.Properties == nil {
			merged.Properties = openapi3.Schemas{}
		}
		for _, part := range s.AllOf {
			merged.Type = part.Value.Type
			merged.Required = append(merged.Required, part.Value.Required...)
			maps.Copy(merged.Properties, part.Value.Properties)
		}
		*s = merged
	}
	for _, below := range slices.Concat(slices.Collect(maps.Values(s.Properties)), s.AllOf, s.AnyOf, s.OneOf,
		openapi3.SchemaRefs{s.Items, s.AdditionalProperties.Schema, s.Not}) {
		closeSchema(below, closed)
	}
	if len(s.Properties) > 0 && s.AdditionalProperties.Has == nil && s.AdditionalProperties.Schema == nil {
		s.AdditionalProperties.Has = new(false)
	}
}

// checkAnswer tells what is wrong with an answer to req.
func (d *description) checkAnswer(req *http.Request, status int, header http.Header, body []byte) error {
	response, err := d.response(req, status)
	if err != nil {
		return err
	}
	for name, described := range response.Headers {
		if value := header.Get(name); value != "" {
			if err := d.checkHeader(described.Value.Schema.Value, value); err != nil {
				return fmt.Errorf("header %s: %w", name, err)
			}
		}
	}
	if len(response.Content) == 0 {
		if status != http.StatusAccepted && (len(body) > 0 || header.Get("Content-Type") != "") {
			return fmt.Errorf("%d has no body, here are %d bytes of %q", status, len(body), header.Get("Content-Type"))
		}
		return nil
	}
	mediaType, _, err := mime.ParseMediaType(header.Get("Content-Type"))
	if err != nil {
		return err
	}
	content := response.Content.Get(mediaType)
	if content == nil {
		return fmt.Errorf("content type %s is not described", mediaType)
	}
	return d.checkJSON(content.Schema.Value, body)
}

// response is what the description says of an answer to req with that status.
func (d *description) response(req *http.Request, status int) (*openapi3.Response, error) {
	route, _, err := d.router.FindRoute(req)
	switch {
	case err == nil:
		if declared := route.Operation.Responses.Status(status); declared != nil && (status < 400 || declared.Ref != "") {
			return declared.Value, nil
		}
	case status != http.StatusNotFound:
		return nil, errors.New("no such operation is described, so the answer ought to be 404")
	}
	shared, known := undeclared[status]
	switch {
	case !known:
		return nil, fmt.Errorf("status %d is not described", status)
	case shared == "":
		return &openapi3.Response{}, nil
	}
	return d.doc.Components.Responses[shared].Value, nil
}

func (d *description) checkHeader(schema *openapi3.Schema, value string) error {
	if schema.Type.Is("integer") {
		_, err := strconv.ParseInt(value, 10, 64)
		return err
	}
	return schema.VisitJSON(value, d.options()...)
}

func (d *description) checkJSON(schema *openapi3.Schema, body []byte) error {
	var value any
	if err := json.Unmarshal(body, &value); err != nil {
		return err
	}
	return schema.VisitJSON(value, d.options()...)
}

// options validate formats too, and report each fault with its place, not with the value, which may be a token.
func (d *description) options() []openapi3.SchemaValidationOption {
	return []openapi3.SchemaValidationOption{
		openapi3.MultiErrors(), openapi3.VisitAsResponse(), openapi3.EnableFormatValidation(),
		openapi3.WithStringFormatValidator("uri", openapi3.NewCallbackValidator(absoluteURL)),
		openapi3.SetSchemaErrorMessageCustomizer(func(err *openapi3.SchemaError) string {
			return "/" + strings.Join(err.JSONPointer(), "/") + ": " + err.Reason
		}),
	}
}

func absoluteURL(text string) error {
	u, err := url.Parse(text)
	if err == nil && !u.IsAbs() {
		err = errors.New("not an absolute URL")
	}
	return err
}

// checkRequest tells what is wrong with a request.
func (d *description) checkRequest(req *http.Request, body []byte) error {
	route, parameters, err := d.router.FindRoute(req)
	if err != nil {
		return err
	}
	if len(body) > 0 && route.Operation.RequestBody == nil {
		return errors.New("it has a body, and none is described")
	}
	req = req.Clone(req.Context())
	req.Body, req.ContentLength = http.NoBody, int64(len(body))
	if len(body) > 0 {
		req.Body = readCloser{bytes.NewReader(body)}
	}
	return openapi3filter.ValidateRequest(req.Context(), &openapi3filter.RequestValidationInput{
		Request: req, PathParams: parameters, Route: route,
		Options: &openapi3filter.Options{MultiError: true, SchemaValidationOptions: d.options()},
	})
}

// operations are all that is described, as "GET /app 200".
func (d *description) operations() []string {
	var all []string
	for path, item := range d.doc.Paths.Map() {
		if _, alias := aliases[path]; alias {
			continue
		}
		for _, operation := range item.Operations() {
			for status := range operation.Responses.Map() {
				all = append(all, operation.OperationID+" "+status)
			}
		}
	}
	slices.Sort(all)
	return all
}

// operation names what an answer answers, in the form of operations.
func (d *description) operation(req *http.Request, status int) string {
	route, _, err := d.router.FindRoute(req)
	if err != nil {
		return ""
	}
	return fmt.Sprintf("%s %d", route.Operation.OperationID, status)
}
