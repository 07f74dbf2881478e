package redisstore_test

import (
	"bytes"
	"context"
	"os"
	"testing"

	"github.com/redis/go-redis/v9"
	"go.uber.org/goleak"
)

// silent is a logger for the client, which would print a line for each
// connection that these tests break.
type silent struct{}

func (silent) Printf(context.Context, string, ...any) {}

func TestMain(m *testing.M) {
	redis.SetLogger(silent{})
	if os.Getenv(replicaEnv) != "" {
		replica()
		return
	}
	goleak.VerifyTestMain(m)
}

// sealKey returns a key of 32 bytes, another one for each n.
func sealKey(n byte) []byte { return bytes.Repeat([]byte{n}, 32) }
