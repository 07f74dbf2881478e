module github.com/molecule-ai/provisionkit/examples/workloadid

go 1.26.0

replace (
	github.com/molecule-ai/provisionkit => ../..
	github.com/molecule-ai/provisionkit/tokenprovider/workloadid => ../../tokenprovider/workloadid
)

require (
	github.com/molecule-ai/provisionkit v0.1.0
	github.com/molecule-ai/provisionkit/tokenprovider/workloadid v0.1.0
)

require (
	github.com/coreos/go-oidc/v3 v3.21.0 // indirect
	github.com/go-jose/go-jose/v4 v4.1.4 // indirect
	github.com/golang-jwt/jwt/v5 v5.3.1 // indirect
	github.com/stretchr/testify v1.12.1 // indirect
	go.yaml.in/yaml/v3 v3.0.5 // indirect
	golang.org/x/oauth2 v0.36.0 // indirect
	golang.org/x/sync v0.24.0 // indirect
)
