package redisstore_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"testing"
	"time"

	"github.com/molecule-ai/provisionkit/tokenprovider"
	"github.com/molecule-ai/provisionkit/tokenprovider/redisstore"
	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"
)

// replicaEnv makes this test binary a replica of a service; its value is a
// replicaConfig.
const replicaEnv = "PROVISIONKIT_TEST_REPLICA"

type replicaConfig struct {
	Redis, Forge string
	LockTTL      time.Duration
}

// replicaAnswer is what a replica says about its first token.
type replicaAnswer struct {
	SHA256 string
	Error  string
	Took   time.Duration
}

// replica does what a replica does: it says that it is up, waits to be told to
// go, gets a token and tells about it.
func replica() {
	var config replicaConfig
	if err := json.Unmarshal([]byte(os.Getenv(replicaEnv)), &config); err != nil {
		panic(err)
	}
	client := redis.NewClient(&redis.Options{Addr: config.Redis, ContextTimeoutEnabled: true})
	tokens := tokenprovider.NewCache(shared(mintAt(config.Forge), client, config.LockTTL, nil), nil)
	fmt.Println("ready")
	if _, err := bufio.NewReader(os.Stdin).ReadString('\n'); err != nil {
		return
	}
	started := time.Now()
	token, _, err := tokens.Token(context.Background())
	answer := replicaAnswer{SHA256: tokenprovider.TokenSHA256(token), Took: time.Since(started)}
	if err != nil {
		answer.Error = err.Error()
	}
	_ = json.NewEncoder(os.Stdout).Encode(answer)
}

// shared returns a replica's Shared on the store that all of them use.
func shared(p tokenprovider.TokenProvider, client redis.UniversalClient, lockTTL time.Duration,
	logger *slog.Logger) *tokenprovider.Shared {
	s, err := tokenprovider.NewShared(p, redisstore.New(client, nil), tokenprovider.SharedOptions{
		Key: "forge/42", SealKeys: [][]byte{sealKey(1)}, LockTTL: lockTTL, Logger: logger,
	})
	if err != nil {
		panic(err)
	}
	return s
}

// process is a replica that runs.
type process struct {
	cmd    *exec.Cmd
	stdin  io.Writer
	output *bufio.Reader
}

// startReplicas starts n replicas and waits until they are up.
func startReplicas(t testing.TB, n int, config replicaConfig) []*process {
	encoded, err := json.Marshal(config)
	require.NoError(t, err)
	var all []*process
	for range n {
		cmd := exec.Command(os.Args[0])
		cmd.Env = append(os.Environ(), replicaEnv+"="+string(encoded))
		cmd.Stderr = os.Stderr
		stdin, err := cmd.StdinPipe()
		require.NoError(t, err)
		stdout, err := cmd.StdoutPipe()
		require.NoError(t, err)
		require.NoError(t, cmd.Start())
		t.Cleanup(func() {
			_ = cmd.Process.Kill()
			_ = cmd.Wait()
		})
		all = append(all, &process{cmd: cmd, stdin: stdin, output: bufio.NewReader(stdout)})
	}
	for _, p := range all {
		line, err := p.output.ReadString('\n')
		require.NoError(t, err)
		require.Equal(t, "ready\n", line)
	}
	return all
}

func (p *process) begin(t testing.TB) {
	_, err := io.WriteString(p.stdin, "\n")
	require.NoError(t, err)
}

func (p *process) answer(t testing.TB) replicaAnswer {
	var a replicaAnswer
	require.NoError(t, json.NewDecoder(p.output).Decode(&a))
	require.Empty(t, a.Error)
	require.NotEmpty(t, a.SHA256)
	return a
}

func TestEightReplicasFromColdMintOnce(t *testing.T) {
	s, f := startRedis(t), newForge(t, time.Hour, 300*time.Millisecond)
	replicas := startReplicas(t, 8, replicaConfig{Redis: s.addr, Forge: f.URL})
	for _, r := range replicas {
		r.begin(t)
	}
	tokens := map[string]bool{}
	var slowest time.Duration
	for _, r := range replicas {
		a := r.answer(t)
		tokens[a.SHA256] = true
		slowest = max(slowest, a.Took)
	}
	t.Logf("8 processes: %d mint of %s, the slowest had a token after %s", f.mints.Load(),
		f.latency, slowest.Round(time.Millisecond))
	require.Equal(t, int64(1), f.mints.Load())
	require.Len(t, tokens, 1)
}

func TestWhenTheReplicaThatMintsIsKilledTheOthersHaveATokenInTime(t *testing.T) {
	const lockTTL, mint, slack = 2 * time.Second, 300 * time.Millisecond, time.Second
	s, f := startRedis(t), newForge(t, time.Hour, mint)
	f.began = make(chan struct{}, 100)
	replicas := startReplicas(t, 8, replicaConfig{Redis: s.addr, Forge: f.URL, LockTTL: lockTTL})
	holder, others := replicas[0], replicas[1:]

	holder.begin(t)
	<-f.began
	require.NoError(t, holder.cmd.Process.Kill()) // SIGKILL
	require.Error(t, holder.cmd.Wait())
	for _, r := range others {
		r.begin(t)
	}
	var slowest time.Duration
	for _, r := range others {
		slowest = max(slowest, r.answer(t).Took)
	}
	t.Logf("lock of %s, mint of %s: the slowest of 7 had a token after %s; %d mints without the killed one",
		lockTTL, mint, slowest.Round(time.Millisecond), f.mints.Load()-1)
	require.Less(t, slowest, lockTTL+mint+slack)
	require.LessOrEqual(t, f.mints.Load()-1, int64(7))
}
