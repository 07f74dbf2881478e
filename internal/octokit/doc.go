// Package octokit tries the gateway with octokit 4, GitHub's client for
// JavaScript, in Node: its test starts a program of a workspace's, which has
// nothing but the environment that the gateway's Mutator writes. It also has
// octokit sign a person in to the fake GitHub.
//
//	.ci/setup # Node, and octokit into node_modules
//	go -C internal/octokit test
//
// package-lock.json says what octokit is, without the address of a registry:
//
//	npm install --omit-lockfile-registry-resolved
//
// The package is a module of its own, so that the root's tests need no Node.
package octokit
