package doctor

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/molecule-ai/provisionkit/internal/plainfile"
	"github.com/molecule-ai/provisionkit/tokenprovider/gitcredential"
)

// byFile is what to do where settings in the environment don't arrive.
const byFile = "have the platform wire git by a file (MutatorOptions.ConfigFile), or the image by " +
	gitcredential.DefaultCommand + " install"

// checkGitVariables looks whether the settings in git's environment arrived as
// somebody made them.
func checkGitVariables(_ context.Context, d *diagnosis) finding {
	env := make(map[string]string, len(d.Environ))
	for _, variable := range d.Environ {
		name, value, _ := strings.Cut(variable, "=")
		env[name] = value
	}
	if d.git.olderThan(31) {
		return ok("%s doesn't read them", d.git)
	}
	count, _ := strconv.Atoi(env["GIT_CONFIG_COUNT"])
	if _, hasKey := env["GIT_CONFIG_KEY_0"]; count > 0 && !hasKey {
		return wrong("GIT_CONFIG_COUNT is %d and there is no GIT_CONFIG_KEY_0, so that every git "+
			"command fails: what started this program filters variables by name, such as those "+
			"with KEY in it; %s", count, byFile)
	}
	// It adds nothing, and reads what is there as git does.
	if err := gitcredential.AppendEnv(env); err != nil {
		return wrong("%s", err)
	}
	if left := uncounted(env, count); left != "" {
		return warn("%s is set, and GIT_CONFIG_COUNT leaves it out: the image had settings of its "+
			"own, over which others were put, or a program filters variables by name; %s",
			left, byFile)
	}
	// The first program of a container has the variables of its image. Where
	// there are others in its place it can't be read, or has none of these.
	if first, err := plainfile.Read("/proc/1/environ", plainfile.Most); err == nil {
		if lost := lostSettings(string(first), env); len(lost) > 0 {
			return warn("the first program of this container has %s in GIT_CONFIG_*, over which "+
				"others were put here: %s", strings.Join(lost, " and "), byFile)
		}
	}
	return ok("%d settings", count)
}

// uncounted returns the variable with the key of a setting that git doesn't
// read; "" if there is none.
func uncounted(env map[string]string, count int) string {
	for _, name := range slices.Sorted(maps.Keys(env)) {
		number, isKey := strings.CutPrefix(name, "GIT_CONFIG_KEY_")
		if n, err := strconv.Atoi(number); isKey && err == nil && n >= count {
			return name
		}
	}
	return ""
}

// lostSettings returns the keys of the settings in an environment, as the kernel
// shows it, that aren't in env.
func lostSettings(first string, env map[string]string) []string {
	other := map[string]string{}
	for variable := range strings.SplitSeq(first, "\x00") {
		name, value, _ := strings.Cut(variable, "=")
		other[name] = value
	}
	own := countedSettings(env)
	var lost []string
	for _, s := range countedSettings(other) {
		if !slices.Contains(own, s) {
			lost = append(lost, s.shownKey())
		}
	}
	return lost
}

// countedSettings returns the settings in env that git reads.
func countedSettings(env map[string]string) settings {
	var all settings
	count, _ := strconv.Atoi(env["GIT_CONFIG_COUNT"])
	for n := range count {
		key, isSet := env[fmt.Sprintf("GIT_CONFIG_KEY_%d", n)]
		if !isSet {
			break
		}
		all = append(all, setting{key: key, value: env[fmt.Sprintf("GIT_CONFIG_VALUE_%d", n)]})
	}
	return all
}

// filtered says more of a variable that is missing where others of the
// platform's are there; "" where none is.
func filtered(d *diagnosis, others ...string) string {
	for _, name := range others {
		if d.Env(name) != "" {
			return "; since " + name + " is set, what started this program may filter variables " +
				"by name"
		}
	}
	return ""
}
