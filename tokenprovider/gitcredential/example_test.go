package gitcredential_test

import (
	"context"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"

	"github.com/molecule-ai/provisionkit/tokenprovider"
	"github.com/molecule-ai/provisionkit/tokenprovider/gitcredential"
)

// A helper answers git's request with a token of its provider.
func ExampleHelper() {
	helper := &gitcredential.Helper{
		Provider: tokenprovider.Static("the-token"),
		Hosts:    []string{"github.com", "git.example:8443"},
	}
	request := strings.NewReader("protocol=https\nhost=git.example:8443\n\n")
	if err := helper.Run(context.Background(), "get", request, os.Stdout, os.Stderr); err != nil {
		os.Exit(1)
	}
	// Output:
	// username=x-access-token
	// password=the-token
}

// A request is judged before anything else is done with it.
func ExampleReadRequest() {
	req, err := gitcredential.ReadRequest(strings.NewReader("protocol=https\nhost=GitHub.com:443\npassword=secret\n\n"))
	fmt.Println(req.Host, err)
	fmt.Println(req.For([]string{"github.com"}), req.For([]string{"github.com:8443"}))
	// Output:
	// GitHub.com:443 <nil>
	// true false
}

// Settings that are in the environment already stay in effect.
func ExampleAppendEnv() {
	env := map[string]string{"GIT_CONFIG_COUNT": "1", "GIT_CONFIG_KEY_0": "user.name", "GIT_CONFIG_VALUE_0": "Someone"}
	err := gitcredential.AppendEnv(env,
		gitcredential.Entry{Key: "url.https://github.com/.insteadOf", Value: "git@github.com:"})
	for _, name := range slices.Sorted(maps.Keys(env)) {
		fmt.Printf("%s=%s\n", name, env[name])
	}
	fmt.Println(err)
	// Output:
	// GIT_CONFIG_COUNT=2
	// GIT_CONFIG_KEY_0=user.name
	// GIT_CONFIG_KEY_1=url.https://github.com/.insteadOf
	// GIT_CONFIG_VALUE_0=Someone
	// GIT_CONFIG_VALUE_1=git@github.com:
	// <nil>
}

// Hosts of an operator's configuration are checked when it is read.
func ExampleParseHosts() {
	fmt.Println(gitcredential.ParseHosts("github.com, GHES.example:443"))
	_, err := gitcredential.ParseHosts("https://github.com")
	fmt.Println(err)
	// Output:
	// [github.com ghes.example] <nil>
	// gitcredential: "https://github.com" isn't a host or host:port: name the host alone, without https:// and path
}

// The mutator is registered beside the platform's other ones.
func ExampleNewMutator() {
	env := map[string]string{}
	m, err := gitcredential.NewMutator(&gitcredential.MutatorOptions{Command: "/opt/tools/git-credential-provisionkit"})
	if err != nil {
		panic(err)
	}
	fmt.Println(m.Name(), m.MutateEnv(context.Background(), "ws-1", env))
	fmt.Printf("%s=%q\n", env["GIT_CONFIG_KEY_0"], env["GIT_CONFIG_VALUE_0"])
	fmt.Printf("%s=%q\n", env["GIT_CONFIG_KEY_1"], env["GIT_CONFIG_VALUE_1"])
	fmt.Println(env["PROVISIONKIT_HOSTS"])
	// Output:
	// git-credential <nil>
	// credential.https://github.com.helper=""
	// credential.https://github.com.helper="!'/opt/tools/git-credential-provisionkit'"
	// github.com
}
