module github.com/molecule-ai/provisionkit/internal/peerbench

go 1.26.0

replace github.com/molecule-ai/provisionkit => ../..

require (
	cloud.google.com/go/auth v0.24.3
	github.com/aws/aws-sdk-go-v2 v1.48.0
	github.com/bradleyfalzon/ghinstallation/v2 v2.19.0
	github.com/molecule-ai/provisionkit v0.1.0
	github.com/stretchr/testify v1.12.1
	golang.org/x/oauth2 v0.37.0
)

require (
	cloud.google.com/go/compute/metadata v0.10.0 // indirect
	github.com/aws/smithy-go v1.28.9 // indirect
	github.com/golang-jwt/jwt/v4 v4.5.2 // indirect
	github.com/golang-jwt/jwt/v5 v5.3.1 // indirect
	github.com/google/go-github/v88 v88.0.0 // indirect
	github.com/google/go-querystring v1.2.0 // indirect
	github.com/googleapis/gax-go/v2 v2.27.0 // indirect
	go.yaml.in/yaml/v3 v3.0.5 // indirect
	golang.org/x/sync v0.24.0 // indirect
	golang.org/x/sys v0.49.0 // indirect
)
