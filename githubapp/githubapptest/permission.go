package githubapptest

import (
	"slices"
	"strings"
)

// levels in their order: each includes the ones before it.
var levels = []string{"read", "write", "admin"}

// permissionLevels are the permissions of GitHub's mint schema and the levels
// that each takes. Those of enterprises are in the schema of GitHub Enterprise
// Cloud only.
var permissionLevels = func() map[string][]string {
	known := map[string][]string{}
	add := func(names string, levels ...string) {
		for _, name := range strings.Fields(names) {
			known[name] = levels
		}
	}
	add(`actions administration artifact_metadata attestations checks code_quality codespaces contents
		custom_properties_for_organizations dependabot_secrets deployments discussions email_addresses
		enterprise_administration enterprise_organization_installation_repositories enterprise_organization_installations
		environments followers git_ssh_keys gpg_keys interaction_limits issues members merge_queues metadata organization_administration
		organization_announcement_banners organization_copilot_agent_settings organization_copilot_seat_management
		organization_custom_org_roles organization_custom_roles organization_hooks organization_packages
		organization_personal_access_token_requests organization_personal_access_tokens organization_secrets
		organization_self_hosted_runners organization_user_blocking packages pages pull_requests
		repository_custom_properties repository_hooks secret_scanning_alerts secrets security_events single_file starring
		statuses vulnerability_alerts`, "read", "write")
	add(`enterprise_custom_properties_for_organizations organization_custom_properties organization_projects
		repository_projects`, "read", "write", "admin")
	add(`profile workflows`, "write")
	add(`organization_events organization_plan`, "read")
	return known
}()

// validPermission tells whether GitHub has that permission at that level.
func validPermission(name, level string) bool { return slices.Contains(permissionLevels[name], level) }

// includes tells whether the level granted is at least the level asked for.
func includes(granted, asked string) bool {
	return slices.Index(levels, granted) >= slices.Index(levels, asked)
}
