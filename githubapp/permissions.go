package githubapp

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"unique"
)

// rank returns the place of a level of a permission, each of which includes
// those before. 0 is a level that isn't known.
func rank(level string) int {
	return 1 + slices.Index([]string{"read", "write", "admin"}, level)
}

// lackingPermissions returns the names of what is in wanted and not in granted,
// with the level that is granted, and "" when nothing lacks.
func lackingPermissions(granted, wanted map[string]string) string {
	var lacking []string
	for _, name := range slices.Sorted(maps.Keys(wanted)) {
		has, want := granted[name], wanted[name]
		if want == has || rank(want) > 0 && rank(want) <= rank(has) {
			continue
		}
		if has == "" {
			has = "none"
		}
		lacking = append(lacking, fmt.Sprintf("%s: %s (has %s)", name, want, has))
	}
	return strings.Join(lacking, ", ")
}

// permissionsText returns a permission set for people to read.
func permissionsText(permissions map[string]string) string {
	var parts []string
	for _, name := range slices.Sorted(maps.Keys(permissions)) {
		parts = append(parts, name+": "+permissions[name])
	}
	return strings.Join(parts, ", ")
}

// permissionsKey returns the canonical form of a permission set: JSON, whose
// names are sorted.
func permissionsKey(permissions map[string]string) string {
	key, _ := json.Marshal(permissions) // strings always can be
	return string(key)
}

// permissionSet is an immutable set of permissions in 8 bytes: equal ones are
// stored once, however many installations have them. The zero permissionSet is
// unknown.
type permissionSet struct{ key unique.Handle[string] }

func newPermissionSet(permissions map[string]string) permissionSet {
	if permissions == nil {
		return permissionSet{}
	}
	return permissionSet{unique.Make(permissionsKey(permissions))}
}

// permissions returns the set as a map of the caller's own, nil for the zero
// one.
func (s permissionSet) permissions() map[string]string {
	if s == (permissionSet{}) {
		return nil
	}
	var permissions map[string]string
	_ = json.Unmarshal([]byte(s.key.Value()), &permissions) // permissionsKey made it
	return permissions
}
