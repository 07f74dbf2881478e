// Package provisionkit keeps git, gh and every other tool in a long-lived workspace authenticated.
package provisionkit
