// Package clienttest proves package githubapptest by what others wrote: every answer of the fake is validated against
// GitHub's own OpenAPI description, and the clients that many programs use, ghinstallation and go-github, work
// against it unchanged, as githubapp does; and golang.org/x/oauth2 and gh's own library sign people in to it.
//
//	go -C internal/clienttest test
//
// testdata/openapi.json is the part of that description which is concerned, names and types only; testdata/extract.mjs
// extracts it anew from a newer one. The package is a module of its own, so that those libraries are no dependencies
// of provisionkit.
package clienttest
