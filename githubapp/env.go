package githubapp

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"unicode"

	"github.com/molecule-ai/provisionkit/githubapp/internal/apiclient"
	"github.com/molecule-ai/provisionkit/githubapp/internal/appkey"
	"github.com/molecule-ai/provisionkit/tokenprovider"
)

// The environment variables of an app.
const (
	envAppID          = "GITHUB_APP_ID"
	envClientID       = "GITHUB_APP_CLIENT_ID"
	envKey            = "GITHUB_APP_PRIVATE_KEY"
	envKeyFile        = "GITHUB_APP_PRIVATE_KEY_FILE"
	envInstallationID = "GITHUB_APP_INSTALLATION_ID"
	envAPIURL         = "GITHUB_API_URL" // CI systems set it everywhere: it alone configures nothing
)

// OptionsFromEnv returns [Options] from the variables GITHUB_APP_ID or
// GITHUB_APP_CLIENT_ID, GITHUB_APP_PRIVATE_KEY_FILE or GITHUB_APP_PRIVATE_KEY,
// and GITHUB_API_URL. A nil getenv is [os.Getenv]. White space around values is
// ignored.
//
// With none of them set, or only GITHUB_API_URL, the error is
// [tokenprovider.ErrNotConfigured], so that a platform without an app can go
// on. If only some are set, or one is malformed, the error names the variable.
func OptionsFromEnv(getenv func(string) string) (Options, error) {
	env := environment{getenv}
	if !env.configured() {
		return Options{}, env.notConfigured(envAppID + " and " + envKeyFile)
	}
	opts := Options{
		ClientID:   env.get(envClientID),
		KeyFile:    env.get(envKeyFile),
		PrivateKey: []byte(env.get(envKey)),
		BaseURL:    env.get(envAPIURL),
	}
	var err error
	if opts.AppID, err = env.id(envAppID); err != nil {
		return Options{}, err
	}
	var missing []string
	if opts.AppID == 0 && opts.ClientID == "" {
		missing = append(missing, envAppID+" (or "+envClientID+")")
	}
	if opts.KeyFile == "" && len(opts.PrivateKey) == 0 {
		missing = append(missing, envKeyFile+" (or "+envKey+")")
	}
	switch {
	case len(missing) > 0:
		return Options{}, fmt.Errorf("githubapp: %s is set but %s isn't; "+
			"set all that the GitHub App needs, or none", env.firstSet(), strings.Join(missing, " and "))
	case opts.KeyFile != "" && len(opts.PrivateKey) > 0:
		return Options{}, fmt.Errorf("githubapp: %s and %s are both set; unset one", envKeyFile, envKey)
	case opts.KeyFile != "":
		if _, err := appkey.ReadFile(opts.KeyFile); err != nil {
			return Options{}, fmt.Errorf("githubapp: %s: %w", envKeyFile, err)
		}
	default:
		if _, err := appkey.Parse(opts.PrivateKey); err != nil {
			return Options{}, fmt.Errorf("githubapp: %s %w", envKey, err)
		}
	}
	if opts.BaseURL != "" {
		if _, err := parseBaseURL(opts.BaseURL); err != nil {
			return Options{}, fmt.Errorf("%w (it is from %s)", err, envAPIURL)
		}
	}
	return opts, nil
}

// InstallationIDFromEnv returns the number in GITHUB_APP_INSTALLATION_ID. A nil
// getenv is [os.Getenv]. With no variable of an app set the error is
// [tokenprovider.ErrNotConfigured]; otherwise it says what is missing or
// malformed.
func InstallationIDFromEnv(getenv func(string) string) (int64, error) {
	env := environment{getenv}
	if !env.configured() {
		return 0, env.notConfigured(envInstallationID)
	}
	id, err := env.id(envInstallationID)
	if err == nil && id == 0 {
		err = fmt.Errorf("githubapp: %s is set but %s isn't; the id is the number at the end of the URL "+
			"of the installation's settings page", env.firstSet(), envInstallationID)
	}
	return id, err
}

// environment reads variables, without the white space that files leave around
// values.
type environment struct{ getenv func(string) string }

// get returns the variable's value.
func (e environment) get(name string) string {
	if e.getenv == nil {
		return strings.TrimSpace(os.Getenv(name))
	}
	return strings.TrimSpace(e.getenv(name))
}

// firstSet returns the name of the first variable of an app that is set, and ""
// when none is.
func (e environment) firstSet() string {
	for _, name := range []string{envAppID, envClientID, envKeyFile, envKey, envInstallationID} {
		if e.get(name) != "" {
			return name
		}
	}
	return ""
}

// configured reports whether any variable of an app is set.
func (e environment) configured() bool { return e.firstSet() != "" }

func (e environment) notConfigured(needed string) error {
	return &tokenprovider.Error{Code: tokenprovider.CodeNotConfigured,
		Err: errors.New("githubapp: no GitHub App is configured; set " + needed + " to have one")}
}

// id returns the variable as a positive number, and 0 when it isn't set.
func (e environment) id(name string) (int64, error) {
	text := e.get(name)
	if text == "" {
		return 0, nil
	}
	id, err := strconv.ParseInt(text, 10, 64)
	if err != nil && len(text) > 64 { // it may be the key
		return 0, fmt.Errorf("githubapp: %s holds %d characters, which isn't a positive number", name, len(text))
	}
	if err != nil && strings.ContainsFunc(text, func(r rune) bool { return !unicode.IsPrint(r) }) {
		return 0, fmt.Errorf("githubapp: %s holds a character that can't be seen; type the number anew", name)
	}
	if err != nil || id <= 0 {
		return 0, fmt.Errorf("githubapp: %s is %q, which isn't a positive number", name, apiclient.Redact(text, ""))
	}
	return id, nil
}
