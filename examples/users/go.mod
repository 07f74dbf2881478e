module github.com/molecule-ai/provisionkit/examples/users

go 1.26.0

replace (
	github.com/molecule-ai/provisionkit => ../..
	github.com/molecule-ai/provisionkit/tokenprovider/oauth2token => ../../tokenprovider/oauth2token
)

require (
	github.com/molecule-ai/provisionkit v0.1.0
	github.com/molecule-ai/provisionkit/tokenprovider/oauth2token v0.1.0
	github.com/stretchr/testify v1.12.1
	golang.org/x/oauth2 v0.38.0
)

require (
	github.com/golang-jwt/jwt/v5 v5.3.1 // indirect
	go.yaml.in/yaml/v3 v3.0.5 // indirect
	golang.org/x/sync v0.24.0 // indirect
)
