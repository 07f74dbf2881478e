module github.com/molecule-ai/provisionkit/tokenprovider/oauth2token

go 1.26.0

replace github.com/molecule-ai/provisionkit => ../..

require (
	github.com/molecule-ai/provisionkit v0.1.0
	github.com/stretchr/testify v1.12.1
	go.uber.org/goleak v1.3.0
	golang.org/x/oauth2 v0.38.0
	golang.org/x/sync v0.24.0
)

require (
	github.com/golang-jwt/jwt/v5 v5.3.1 // indirect
	go.yaml.in/yaml/v3 v3.0.5 // indirect
)
