package workloadid

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Claim returns a rule for [OIDCOptions].Rule. It accepts a token if the claim
// with that name is one of values, or is a list that has one of them, byte for
// byte. Without values it refuses every token.
func Claim(name string, values ...string) func(claims map[string]any) error {
	values = slices.Clone(values)
	return func(claims map[string]any) error {
		list, isList := claims[name].([]any)
		if !isList {
			list = []any{claims[name]}
		}
		for _, one := range list {
			if text, ok := one.(string); ok && slices.Contains(values, text) {
				return nil
			}
		}
		return fmt.Errorf("its claim %s isn't one of %q", name, values)
	}
}

// Text returns the text at a path of names in claims: Text(claims,
// "kubernetes.io", "pod", "name") is the pod's name in a token of Kubernetes.
// It returns an error if there is no text there, or an empty one.
func Text(claims map[string]any, path ...string) (string, error) {
	if len(path) == 0 {
		return "", errors.New("workloadid: Text needs the name of a claim")
	}
	var at any = claims
	for _, name := range path {
		inside, _ := at.(map[string]any)
		at = inside[name]
	}
	text, _ := at.(string)
	if text == "" {
		return "", fmt.Errorf("it has no claim %s", strings.Join(path, " "))
	}
	return text, nil
}
