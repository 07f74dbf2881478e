// Package provisionhook lets plugins change the environment of a workspace
// before it starts.
//
// A platform has one [Registry]. Plugins register mutators with it at boot, and
// the platform calls [Registry.Run] each time it starts a workspace:
//
//	reg := provisionhook.NewRegistry(provisionhook.Protect("PATH", "PLATFORM_*"))
//	reg.Register(plugin.New(), audit.New())
//	logger.Info("mutators registered", slog.Any("mutators", reg.Describe()))
//
//	env := map[string]string{"PLATFORM_URL": url, "EDITOR": user.Editor}
//	if err := reg.Run(ctx, workspaceID, env); err != nil {
//		return err // env is what it was; the error names the mutator
//	}
//	// Start the workspace with env: it has what the mutators made of it.
//
// [Registry.Plan] does the same without changing env, and says who changed
// what. When a workspace is gone, [Registry.Release] lets mutators give back
// what they hold for it. With [WithWorkspace] a platform tells mutators what it
// knows about a workspace beyond its id.
//
// A plugin implements [EnvMutator]: two methods with standard-library types
// only, so that it needn't import this package. [Func] adapts a function. For
// further abilities of a mutator there are optional interfaces. Package
// provisionhooktest tests a mutator against the whole contract.
//
// # A run
//
//	caller's env
//	   | copy   +-----------+ checks  +-----------+ checks
//	   +------->| mutator 1 |-------->| mutator 2 |--------> ... ---> Plan
//	            +-----------+  copy   +-----------+  copy              |
//	                  |                     |              Run: commit |
//	                  +- an error, a panic, +                          v
//	                  |  ctx, a refusal of a Check             caller's env
//	                  v
//	      *MutatorError; the caller's env is what it was
//
// # Variables that expire
//
// A running process's environment can't be changed from outside: what a mutator
// writes when the workspace starts is the same an hour later. Write what
// doesn't expire: settings, addresses, the path of a credential helper. A token
// may be written for programs that read nothing else. Its mutator should then
// also be a [TokenProvider] or a [WorkspaceTokenProvider], which hands out the
// next token. The platform finds it with [Registry.FirstTokenProvider] or
// [Registry.FirstWorkspaceTokenProvider].
//
// # What it promises
//
//   - Order. Mutators run one after the other, in the order of registration.
//     There are no priorities and no second pass. Each sees what the ones
//     before wrote.
//   - Precedence. A mutator overrides what the caller has set, and a later
//     mutator an earlier one. Every override is in [Plan].Changes, and a
//     [Check] can refuse it.
//   - All or nothing. Every mutator works on a copy. The caller's map changes
//     only if the whole chain succeeds.
//   - Failing closed. The first error ends the chain. It is a [*MutatorError],
//     which names the mutator. Only the failure of a mutator in [FailOpen]
//     doesn't end the chain.
//   - Attribution. The Registry compares the environment before and after each
//     mutator, so a Change says who made it, whatever the mutator says.
//   - Containment. A panic and [runtime.Goexit] become a [*PanicError]. No lock
//     is held while a mutator runs, so it may register another one. The
//     Registry waits for each mutator, also when ctx has ended.
//   - Secrets. A Change never holds a value, and a Plan doesn't print any.
//     Nothing is logged.
//   - No globals. A program can have several Registries, nothing registers
//     itself, and nothing is written into the environment of this process.
//
// # What it refuses
//
// Values are literal: there is no interpolation and no merging of lists like
// PATH. Mutators can't be removed or replaced. There is no policy but the
// checks that a platform passes to [NewRegistry]: its own, or [Protect],
// [NoOverride], [PortableNames] and [MaxSize]. A mutator runs in the platform's
// process, so no check makes an untrusted one safe.
package provisionhook
