package gateway

import (
	"bytes"
	"io"
	"net/http"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/molecule-ai/provisionkit/internal/pktline"
	"github.com/stretchr/testify/require"
)

const (
	oidA = "0123456789abcdef0123456789abcdef01234567"
	oidB = "89abcdef0123456789abcdef0123456789abcdef"
	none = "0000000000000000000000000000000000000000"
)

// read reads a push from body, and returns what goes on to the forge.
func read(t testing.TB, body string) (*push, string, error) {
	t.Helper()
	r, err := http.NewRequest(http.MethodPost, "https://gateway.test/", strings.NewReader(body))
	require.NoError(t, err)
	p, err := readPush(r)
	if err != nil {
		return nil, "", err
	}
	rest, err := io.ReadAll(p.rest)
	require.NoError(t, err)
	return p, string(rest), nil
}

func line(payload string) string { return pktline.Line(payload) }

func TestAPushIsReadByItsCommandsAndGoesOnWhole(t *testing.T) {
	sha256 := strings.Repeat("ab", 32)
	for name, body := range map[string]string{
		"one":        line(oidA+" "+oidB+" refs/heads/main\x00 report-status side-band-64k") + "0000PACK...",
		"a deletion": line(oidA+" "+none+" refs/heads/main\x00report-status") + "0000",
		"several, a tag, atomic and options": line(none+" "+oidB+" refs/heads/a\x00report-status-v2 atomic push-options") +
			line(oidA+" "+oidB+" refs/tags/v1\n") + "0000" + line("option") + "0000PACK",
		"shallow": line("shallow "+oidA) + line(none+" "+oidB+" refs/heads/a\x00report-status") + "0000PACK",
		"sha256":  line(strings.Repeat("0", 64)+" "+sha256+" refs/heads/a\x00object-format=sha256") + "0000PACK",
		"probe":   "0000",
	} {
		t.Run(name, func(t *testing.T) {
			p, rest, err := read(t, body)
			require.NoError(t, err)
			require.Equal(t, body, rest)
			require.Equal(t, name == "probe", len(p.refs) == 0)
		})
	}
	p, _, err := read(t, line(none+" "+oidB+" refs/heads/a\x00x")+line(oidA+" "+none+" refs/heads/b")+"0000")
	require.NoError(t, err)
	require.Equal(t, []RefUpdate{{"refs/heads/a", none, oidB}, {"refs/heads/b", oidA, none}}, p.refs)
	require.True(t, p.refs[0].Create() && !p.refs[0].Delete() && p.refs[1].Delete() && !p.refs[1].Create())
}

func TestAPushThatGitWouldNotSendIsRefused(t *testing.T) {
	first := line(oidA + " " + oidB + " refs/heads/main\x00report-status")
	many := strings.Repeat(line(oidA+" "+oidB+" refs/heads/main"), maxCommands)
	for name, body := range map[string]string{
		"nothing":                "",
		"an end in the length":   "00",
		"an end in a line":       first[:20],
		"no flush":               first,
		"a length that is none":  "zzzz",
		"a length of 1":          "0001",
		"an empty line":          "0004",
		"a delimiter":            "0001" + first,
		"a pack and no commands": "0000PACK",
		"a certificate":          line("push-cert\x00report-status\n") + "0000",
		"a certificate of old":   line("push-cert ") + "0000",
		"a line that is none":    first + line("what") + "0000",
		"capabilities twice":     first + first + "0000",
		"no capabilities":        line(oidA+" "+oidB+" refs/heads/main") + "0000",
		"a short id":             line(oidA[1:]+" "+oidB+" refs/heads/main\x00") + "0000",
		"ids of two kinds":       line(oidA+" "+strings.Repeat("a", 64)+" refs/heads/main\x00") + "0000",
		"an id in capitals":      line(strings.ToUpper(oidA)+" "+oidB+" refs/heads/main\x00") + "0000",
		"a short ref":            line(oidA+" "+oidB+" main\x00") + "0000",
		"two refs in a line":     line(oidA+" "+oidB+" refs/heads/agent/a refs/heads/main\x00") + "0000",
		"a ref with a step":      line(oidA+" "+oidB+" refs/heads/agent/../main\x00") + "0000",
		"a ref with a line":      line(oidA+" "+oidB+" refs/heads/a\nb\x00") + "0000",
		"a ref with no end":      line(oidA+" "+oidB+" refs/heads/\x00") + "0000",
		"a ref that is too long": line(oidA+" "+oidB+" refs/heads/"+strings.Repeat("a", maxRef)+"\x00") + "0000",
		"a hidden ref":           line(oidA+" "+oidB+" refs/heads/.a\x00") + "0000",
		"a ref with two dots":    line(oidA+" "+oidB+" refs/heads/a..b\x00") + "0000",
		"a ref with a dot's end": line(oidA+" "+oidB+" refs/heads/a.\x00") + "0000",
		"a ref with a reflog":    line(oidA+" "+oidB+" refs/heads/a@{1}\x00") + "0000",
		"a ref with a pattern":   line(oidA+" "+oidB+" refs/heads/*\x00") + "0000",
		"a lock":                 line(oidA+" "+oidB+" refs/heads/a.lock\x00") + "0000",
		"too many":               first + many + "0000",
		"shallow of nothing":     line("shallow x") + first + "0000",
		"shallow with more":      line("shallow "+oidA+"\x00report-status") + first + "0000",
		"too much":               strings.Repeat(line("shallow "+oidA), maxCommandBytes/len(line("shallow "+oidA))+1) + first + "0000",
	} {
		t.Run(name, func(t *testing.T) {
			_, _, err := read(t, body)
			var refusal *Refusal
			require.ErrorAs(t, err, &refusal)
			require.NotEmpty(t, refusal.Message)
			require.Equal(t, strings.Contains(name, "certificate"), strings.Contains(refusal.Message, "push-cert"))
		})
	}
	r, err := http.NewRequest(http.MethodPost, "https://gateway.test/", strings.NewReader(first+"0000"))
	require.NoError(t, err)
	r.Header.Set("Content-Encoding", "gzip")
	_, err = readPush(r)
	require.Error(t, err)
}

func TestARefusedPushIsReportedAsGitDoes(t *testing.T) {
	p, _, err := read(t, line(none+" "+oidB+" refs/heads/a\x00report-status side-band-64k")+
		line(oidA+" "+oidB+" refs/heads/b")+"0000PACK")
	require.NoError(t, err)
	report := p.report("not here")
	in := bytes.NewReader(report)
	payload, flush, err := pktline.Read(in)
	require.NoError(t, err)
	require.False(t, flush)
	require.Equal(t, "\x01"+line("unpack ok\n")+line("ng refs/heads/a not here\n")+line("ng refs/heads/b not here\n")+"0000",
		string(payload))
	_, flush, err = pktline.Read(in)
	require.NoError(t, err)
	require.True(t, flush)

	p.capabilities = []string{"report-status"}
	require.Equal(t, line("unpack ok\n")+line("ng refs/heads/a x\n")+line("ng refs/heads/b x\n")+"0000", string(p.report("x")))
	p, _, err = read(t, line(none+" "+oidB+" refs/heads/"+strings.Repeat("a", maxRef-len("refs/heads/"))+"\x00report-status")+"0000PACK")
	require.NoError(t, err)
	in = bytes.NewReader(p.report("x" + strings.Repeat("é", 65_000)))
	_, _, err = pktline.Read(in)
	require.NoError(t, err)
	payload, _, err = pktline.Read(in)
	require.NoError(t, err)
	require.True(t, utf8.Valid(payload))
	p.capabilities = nil
	require.Nil(t, p.report("x"), "nobody reads it")
}

// FuzzPush looks for a push that is read in another way than it goes on.
func FuzzPush(f *testing.F) {
	f.Add(line(oidA+" "+oidB+" refs/heads/main\x00report-status") + "0000PACK")
	f.Add(line("shallow "+oidA) + line(none+" "+oidB+" refs/heads/a\x00") + line(oidA+" "+none+" refs/tags/b\n") + "0000")
	f.Add("0000")
	f.Add("ffff" + strings.Repeat("a", 70_000))
	f.Fuzz(func(t *testing.T, body string) {
		p, rest, err := read(t, body)
		if err != nil {
			return
		}
		require.Equal(t, body, rest)
		for _, u := range p.refs {
			require.True(t, strings.HasPrefix(u.Name, "refs/"))
			require.NotContains(t, u.Name, "\n")
			require.Contains(t, body, u.Name)
		}
		_ = p.report("reason")
	})
}
