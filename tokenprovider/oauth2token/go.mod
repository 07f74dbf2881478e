module github.com/molecule-ai/provisionkit/tokenprovider/oauth2token

go 1.26.0

replace github.com/molecule-ai/provisionkit => ../..

require (
	github.com/molecule-ai/provisionkit v0.1.0
	golang.org/x/oauth2 v0.38.0
)

require golang.org/x/sync v0.24.0 // indirect
