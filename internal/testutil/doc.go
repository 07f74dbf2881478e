// Package testutil holds what the tests of this module share: a capture of
// everything that is printed, which fails the test when a secret is in it
// ([NewCapture], [CaptureProcess]), a check that a value prints without its
// secrets ([RequireRedacted]), the command of a workspace ([Command]), a git
// that sees nothing of the machine it runs on ([NewGit]), a gh that talks to a
// fake ([GHEnv]), requests ([NewRequest], [Ask]), generated keys ([RSAKey]) and
// JWTs signed with them ([SignJWT]), the reader of a catalogue of requests to a
// credential helper ([GitRequests]), a module proxy with this module as others
// download it ([NewModuleProxy]), the settings of this machine's go ([GoEnv]),
// and the rule for tools that may be missing ([NeedTool]).
package testutil
