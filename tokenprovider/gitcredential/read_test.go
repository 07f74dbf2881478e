package gitcredential_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/molecule-ai/provisionkit/internal/testutil"
	"github.com/molecule-ai/provisionkit/tokenprovider/gitcredential"
	"github.com/stretchr/testify/require"
)

const token = "ghs_16C7e42F292c6912E7710c838347Ae178B4a"

func read(t *testing.T, input string) gitcredential.Request {
	t.Helper()
	req, err := gitcredential.ReadRequest(strings.NewReader(input))
	require.NoError(t, err)
	return req
}

func TestReadRequestReadsEveryAttributeThatGitSends(t *testing.T) {
	require.Equal(t, gitcredential.Request{
		Protocol: "https", Host: "github.com:443", Path: "acme/x.git", Username: "x-access-token",
		Password:     " a=b ",
		Capabilities: []string{"authtype", "state"}, WWWAuth: []string{`Basic realm="a"`, `Bearer realm="b"`},
	}, read(t, "capability[]=authtype\ncapability[]=state\nprotocol=https\nhost=github.com:443\npath=acme/x.git\n"+
		"username=x-access-token\npassword= a=b \nwwwauth[]=Basic realm=\"a\"\nwwwauth[]=Bearer realm=\"b\"\nstate[]=x\n"))
}

func TestAnEmptyValueEmptiesAList(t *testing.T) {
	req := read(t,
		"capability[]=state\ncapability[]=\ncapability[]=authtype\nwwwauth[]=a\nwwwauth[]=\nprotocol=https\nhost=h\n")
	require.Equal(t, []string{"authtype"}, req.Capabilities)
	require.Empty(t, req.WWWAuth)
}

func TestThePasswordIsFoundInACredentialOfAnAuthtype(t *testing.T) {
	for name, c := range map[string]struct{ lines, password string }{
		"Basic":                          {"authtype=Basic\ncredential=eC1hY2Nlc3MtdG9rZW46YTpi\n", "a:b"},
		"basic":                          {"authtype=basic\ncredential=eC1hY2Nlc3MtdG9rZW46YTpi\n", "a:b"},
		"Bearer":                         {"authtype=Bearer\ncredential=abc\n", "abc"},
		"Digest, which we never give":    {"authtype=Digest\ncredential=abc\n", ""},
		"Basic that isn't base64":        {"authtype=Basic\ncredential=%%%\n", ""},
		"Basic without a colon":          {"authtype=Basic\ncredential=YWJj\n", ""},
		"a password beside a credential": {"authtype=Bearer\ncredential=abc\npassword=def\n", "def"},
	} {
		require.Equal(t, c.password, read(t, "protocol=https\nhost=github.com\n"+c.lines).Password, name)
	}
}

func TestSizesAreBounded(t *testing.T) {
	const head = "protocol=https\nhost=github.com\n"
	line := func(size int) string { return "x=" + strings.Repeat("y", size-3) + "\n" }
	for name, c := range map[string]struct{ input, refused string }{
		"a line of 65,535 bytes":    {head + line(65535), ""},
		"a line of 65,536 bytes":    {head + line(65536), "line 3 of the request is longer"},
		"a line of 1 MiB":           {head + line(1<<20), "line 3 of the request is longer"},
		"10,000 wwwauth":            {head + strings.Repeat("wwwauth[]=Basic realm=\"github.com\"\n", 10_000), ""},
		"1,000,000 lines":           {head + strings.Repeat("a=b\n", 1_000_000), "larger than"},
		"a path of 4 KiB":           {head + "path=" + strings.Repeat("a/", 2047) + "a\n", "path that isn't plain"},
		"a host of 300 characters":  {"protocol=https\nhost=" + strings.Repeat("a.", 149) + "aa\n", ""},
		"a line that never ends":    {strings.Repeat("x", 2<<20), "line 1 of the request is longer"},
		"a password of 32 KiB":      {head + "password=" + strings.Repeat("p", 32<<10) + "\n", ""},
		"a byte more than 1 MiB":    {strings.Repeat(line(1<<15), 1<<5) + "\n", "larger than"},
		"1 MiB, the empty line too": {head + "protocol", "line 3 of the request has no end"},
	} {
		_, err := gitcredential.ReadRequest(strings.NewReader(c.input))
		if c.refused == "" {
			require.NoError(t, err, name)
		} else {
			require.ErrorContains(t, err, c.refused, name)
		}
	}
	require.False(t,
		read(t, "protocol=https\nhost="+strings.Repeat("a.", 149)+"aa\n").For([]string{strings.Repeat("a.", 149) + "aa"}))
}

func TestInputThatNeverEndsIsRefusedOnceItIsTooLarge(t *testing.T) {
	endless := &endlessReader{}
	_, err := gitcredential.ReadRequest(endless)
	require.ErrorContains(t, err, "larger than")
	require.Less(t, endless.read, 2<<20)
}

// endlessReader delivers well-formed lines for ever.
type endlessReader struct{ read int }

func (r *endlessReader) Read(p []byte) (int, error) {
	n := copy(p, bytes.Repeat([]byte("a=b\n"), len(p)/4+1)[:len(p)/4*4])
	r.read += n
	return n, nil
}

func TestInputMayComeInAnyPieces(t *testing.T) {
	req, err := gitcredential.ReadRequest(iotest.OneByteReader(strings.NewReader("protocol=https\r\nhost=github.com\r\n\r\nrest")))
	require.NoError(t, err)
	require.Equal(t, gitcredential.Request{Protocol: "https", Host: "github.com"}, req)
}

func TestAReadErrorIsReportedEvenBehindACompleteLine(t *testing.T) {
	broken := errors.New("pipe broke")
	_, err := gitcredential.ReadRequest(io.MultiReader(strings.NewReader("protocol=https\nhost=github.com\n"), iotest.ErrReader(broken)))
	require.ErrorIs(t, err, broken)
}

func TestErrorsNameTheLineAndNeverAValue(t *testing.T) {
	for _, line := range []string{
		"password=" + token + "\r\r", "password=" + token + "\npassword=" + token, token,
		"=" + token, "url=https://x:" + token + "@github.com",
		"host=" + token + "\x1b", "path=../" + token, "username=" + token + "\x00",
	} {
		_, err := gitcredential.ReadRequest(strings.NewReader("protocol=https\n" + line + "\n\n"))
		require.Error(t, err)
		require.Contains(t, err.Error(), "line ")
		require.Empty(t, testutil.Leak(err.Error(), token), line)
	}
}

func TestAPathThatTwoProgramsMayReadDifferentlyIsRefused(t *testing.T) {
	for _, path := range []string{
		"acme/x%2fy", "acme/x?a=b", "acme/x#a", `acme\x`, "acme/x;a", "-acme/x", "acme//x", "/acme/x", "acme/x/", "acme/../x", "./x",
	} {
		_, err := gitcredential.ReadRequest(strings.NewReader("protocol=https\nhost=github.com\npath=" + path + "\n"))
		require.ErrorContains(t, err, "has a path that isn't plain", path)
	}
}

func TestARequestPrintsWithoutItsPassword(t *testing.T) {
	req := read(t, "protocol=https\nhost=github.com\nusername=x\npassword="+token+"\n")
	testutil.RequireRedactedDirectly(t, req, token)
	testutil.RequireRedactedDirectly(t, &req, token)
	shown := fmt.Sprintf("%v", req)
	require.Contains(t, shown, "github.com")
	require.Contains(t, shown, "[redacted]")
	require.NotContains(t, fmt.Sprint(read(t, "protocol=https\nhost=github.com\n")), "redacted")
}

func TestARequestIsForAListedHostOnly(t *testing.T) {
	for name, c := range map[string]struct {
		host  string
		hosts []string
		want  bool
	}{
		"no hosts":                      {"github.com", nil, false},
		"one of several":                {"github.com", []string{"git.example", "github.com"}, true},
		"a listed port":                 {"git.example:8443", []string{"git.example:8443"}, true},
		"another port":                  {"git.example:8444", []string{"git.example:8443"}, false},
		"a listed port isn't the host":  {"git.example", []string{"git.example:8443"}, false},
		"443 twice":                     {"git.example:443:443", []string{"git.example:443:443"}, false},
		"the sign for Kelvin":           {"\u212Aernel.example", []string{"kernel.example"}, false},
		"443 in the list":               {"git.example", []string{"git.example:443"}, true},
		"upper case in the list":        {"git.example", []string{"GIT.example"}, true},
		"a list with an empty entry":    {"", []string{""}, false},
		"a pattern is no host":          {"*.example", []string{"*.example"}, false},
		"a URL is no host":              {"https://git.example", []string{"https://git.example"}, false},
		"an address with a port":        {"127.0.0.1:8443", []string{"127.0.0.1:8443"}, true},
		"IPv6":                          {"[::1]:8443", []string{"[::1]:8443"}, true},
		"IPv6 and 443":                  {"[::1]:443", []string{"[::1]"}, true},
		"IPv6 without brackets":         {"::1", []string{"::1"}, false},
		"IPv6 with a zone":              {"[fe80::1%eth0]", []string{"[fe80::1%eth0]"}, false},
		"brackets around IPv4":          {"[127.0.0.1]", []string{"[127.0.0.1]"}, false},
		"brackets around a name":        {"[github.com]", []string{"[github.com]"}, false},
		"a label of 64 characters":      {strings.Repeat("a", 64), []string{strings.Repeat("a", 64)}, false},
		"a label of 63 characters":      {strings.Repeat("a", 63), []string{strings.Repeat("a", 63)}, true},
		"a broken entry hides no other": {"github.com", []string{"https://x", "github.com"}, true},
	} {
		req := gitcredential.Request{Protocol: "https", Host: c.host}
		require.Equal(t, c.want, req.For(c.hosts), name)
	}
}

func TestParseHosts(t *testing.T) {
	hosts, err := gitcredential.ParseHosts(" GitHub.com:443, git.example:8443 ,github.com,[::1]:8443")
	require.NoError(t, err)
	require.Equal(t, []string{"github.com", "git.example:8443", "[::1]:8443"}, hosts)
	for _, list := range []string{"", "github.com,", "https://github.com", "github.com/acme", "*.github.com", "github.com.", "a b", "x:0"} {
		_, err := gitcredential.ParseHosts(list)
		require.ErrorContains(t, err, "isn't a host", list)
	}
}

func FuzzReadRequest(f *testing.F) {
	for _, r := range testutil.GitRequests(f, "testdata/requests.txt") {
		if len(r.Input) < 4<<10 { // large ones would slow the fuzzer down for nothing
			f.Add([]byte(r.Input))
		}
	}
	f.Fuzz(func(t *testing.T, input []byte) {
		req, err := gitcredential.ReadRequest(bytes.NewReader(input))
		if err != nil {
			require.Equal(t, gitcredential.Request{}, req, "an error comes with no request")
			return
		}
		require.NotEmpty(t, req.Protocol)
		require.NotEmpty(t, req.Host)
		for _, value := range append([]string{req.Protocol, req.Host, req.Path, req.Username}, req.WWWAuth...) {
			require.NotContains(t, value, "\n")
			require.NotContains(t, value, "\r")
			require.NotContains(t, value, "\x00")
		}
		// What reads the request line by line, as other programs do, must see
		// the same host.
		if req.For([]string{"github.com"}) {
			head, _, _ := strings.Cut(strings.ReplaceAll(string(input), "\r\n", "\n")+"\n\n", "\n\n")
			count := 0
			for line := range strings.SplitSeq(head, "\n") {
				if value, ok := strings.CutPrefix(line, "host="); ok {
					count++
					require.Equal(t, "github.com",
						strings.TrimSuffix(strings.ToLower(value), ":443"))
				}
			}
			require.Equal(t, 1, count)
		}
	})
}
