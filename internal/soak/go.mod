module github.com/molecule-ai/provisionkit/internal/soak

go 1.26.0

replace (
	github.com/molecule-ai/provisionkit => ../..
	github.com/molecule-ai/provisionkit/tokenprovider/redisstore => ../../tokenprovider/redisstore
)

require (
	github.com/molecule-ai/provisionkit v0.1.0
	github.com/molecule-ai/provisionkit/tokenprovider/redisstore v0.1.0
	github.com/redis/go-redis/v9 v9.23.0
	github.com/stretchr/testify v1.12.1
)

require (
	github.com/cespare/xxhash/v2 v2.3.0 // indirect
	github.com/golang-jwt/jwt/v5 v5.3.1 // indirect
	go.uber.org/atomic v1.12.0 // indirect
	go.yaml.in/yaml/v3 v3.0.5 // indirect
	golang.org/x/sync v0.24.0 // indirect
	golang.org/x/sys v0.48.0 // indirect
)
