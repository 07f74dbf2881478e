package githubapp

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"unique"
)

// rank orders the levels of a permission: each includes the ones before. 0 is no level that is known.
func rank(level string) int {
	return 1 + slices.Index([]string{"read", "write", "admin"}, level)
}

// lackingPermissions names what of wanted isn't in granted, with the level that is; "" when nothing lacks.
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

// permissionsText is a permission set for people to read.
func permissionsText(permissions map[string]string) string {
	var parts []string
	for _, name := range slices.Sorted(maps.Keys(permissions)) {
		parts = append(parts, name+": "+permissions[name])
	}
	return strings.Join(parts, ", ")
}

// permissionsKey is the canonical form of a permission set: JSON, whose names are sorted.
func permissionsKey(permissions map[string]string) string {
	key, _ := json.Marshal(permissions) // strings always can be
	return string(key)
}

// permissionSet is an immutable set of permissions in 8 bytes: equal ones are stored once, however many installations
// have them. The zero set is of nothing that is known.
type permissionSet struct{ key unique.Handle[string] }

func newPermissionSet(permissions map[string]string) permissionSet {
	if permissions == nil {
		return permissionSet{}
	}
	return permissionSet{unique.Make(permissionsKey(permissions))}
}

// permissions is a copy as a map; nil for the zero set.
func (s permissionSet) permissions() map[string]string {
	if s == (permissionSet{}) {
		return nil
	}
	var permissions map[string]string
	_ = json.Unmarshal([]byte(s.key.Value()), &permissions) // permissionsKey made it
	return permissions
}
