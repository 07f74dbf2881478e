// Package newgh tries the workspace's shim of gh, and the gateway, with a gh that
// is newer than the one of the system: its tests build that, and run theirs with
// it as the gh on the PATH.
//
//	go -C internal/newgh test
//
// The package is a module of its own, so that what gh depends on is no
// dependency of provisionkit.
package newgh
