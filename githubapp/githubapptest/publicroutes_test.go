package githubapptest_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestAnAppAndItsBotAreKnownToEverybody(t *testing.T) {
	f := newFake(t, nil)
	token, _ := f.mint("")
	for _, authorization := range []string{"", "token " + token, f.bearer()} {
		app := f.do("GET", "/apps/robot", authorization, "")
		require.Equal(t, 200, app.StatusCode)
		require.Equal(t, "robot", app.json["slug"])
		require.NotContains(t, app.json, "installations_count")
	}
	bot := f.do("GET", "/api/v3/users/robot%5Bbot%5D", "", "")
	require.Equal(t, 200, bot.StatusCode)
	require.Equal(t, "robot[bot]", bot.json["login"])
	require.Equal(t, "Bot", bot.json["type"])
	require.Equal(t, "Organization", f.do("GET", "/users/acme", "", "").json["type"])
	for _, path := range []string{"/users/none%5Bbot%5D", "/users/nobody", "/apps/none"} {
		require.Equal(t, 404, f.do("GET", path, "", "").StatusCode)
	}
	require.Equal(t, 401, f.do("GET", "/users/robot%5Bbot%5D", "token garbage", "").StatusCode)

	// One account has one id wherever it is named.
	viewer := f.graphQL(token, "{viewer{id databaseId}}").json["data"].(map[string]any)["viewer"].(map[string]any)
	require.Equal(t, bot.json["node_id"], viewer["id"])
	require.Equal(t, bot.json["id"], viewer["databaseId"])
	_, err := f.AddRepository("acme/widgets")
	require.NoError(t, err)
	owner := f.graphQL(token, `{repository(owner:"acme",name:"widgets"){owner{id}}}`).json["data"].(map[string]any)["repository"].(map[string]any)["owner"]
	require.Equal(t, f.do("GET", "/users/acme", "", "").json["node_id"], owner.(map[string]any)["id"])
	repository := f.do("GET", "/repos/acme/widgets", "token "+token, "").json["owner"].(map[string]any)
	require.Equal(t, repository["node_id"], owner.(map[string]any)["id"])
}

func TestGraphQLDrawsOnALimitOfItsOwn(t *testing.T) {
	f := newFake(t, nil)
	token, _ := f.mint("")
	f.SetRateLimit(2)
	for used := 1; used <= 2; used++ {
		resp := f.graphQL(token, "{rateLimit{used}}")
		require.Equal(t, "graphql", resp.Header.Get("X-RateLimit-Resource"))
		require.Equal(t, fmt.Sprint(used), resp.Header.Get("X-RateLimit-Used"))
	}
	require.Equal(t, 403, f.graphQL(token, "{rateLimit{used}}").StatusCode)
	resp := f.do("GET", "/installation/repositories", "token "+token, "")
	require.Equal(t, 200, resp.StatusCode)
	require.Equal(t, "core", resp.Header.Get("X-RateLimit-Resource"))
	limits := f.do("GET", "/rate_limit", "token "+token, "").json["resources"].(map[string]any)
	require.EqualValues(t, 2, limits["graphql"].(map[string]any)["used"])
	require.EqualValues(t, 1, limits["core"].(map[string]any)["used"])
}
