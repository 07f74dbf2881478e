// Package provisionhook lets plugins change the environment of a workspace before it starts.
//
// A platform has one [Registry]. Plugins register mutators with it at boot, and the platform calls [Registry.Run] each
// time it starts a workspace:
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
// [Registry.Plan] does the same without touching env, and tells who changed what. When a workspace is gone,
// [Registry.Release] lets mutators give back what they hold for it. What a platform knows of a workspace beyond its id
// it tells them by [WithWorkspace].
//
// A plugin implements [EnvMutator]; that is two methods, of standard-library types only, so it needn't import this
// package. [Func] adapts a function. What it can do beyond that it tells by optional interfaces; package
// provisionhooktest tests it against the whole contract.
//
// # A run
//
//	caller's env
//	     |
//	     | copy         +-----------+  diff, checks   +-----------+  diff, checks
//	     +------------->| mutator 1 |---------------->| mutator 2 |---------------> ... ---> Plan
//	                    +-----------+     copy        +-----------+     copy                   |
//	                          |                             |                                  | Run: commit
//	                          +--- error, panic, ctx, ------+                                  v
//	                               a Check that refuses                                   caller's env
//	                                       |
//	                                       v
//	                          *MutatorError; the caller's env is what it was
//
// # Variables that expire
//
// A running process's environment can't be changed from outside. What is written here is read when the workspace
// starts, and is the same an hour later. Write what doesn't expire: settings, addresses, the path of a credential
// helper. A token may be written for programs that read nothing else, but then the mutator is a [TokenProvider] too, or
// a [WorkspaceTokenProvider], which says when the token expires and hands out the next one: the platform serves it to
// workspaces through [Registry.FirstTokenProvider].
//
// # What it promises
//
//   - Order. Mutators run one after the other on the caller's goroutine, in the order of registration. There are no
//     priorities and no second pass. Each sees what the ones before wrote.
//   - Precedence. What the caller has put into the environment is the base, a mutator overrides it, and a later mutator
//     overrides an earlier one. Every override is on record in [Plan].Changes; a [Check] can refuse it.
//   - All or nothing. Every mutator works on a copy. The caller's map changes only if the whole chain succeeds: not
//     if it ends early by an error, a panic or the end of the context.
//   - Failing closed. The first error ends the chain; it is a [*MutatorError] that names the mutator. A mutator that a
//     workspace can do without is put into [FailOpen], which reports; nothing else is ever skipped.
//   - Attribution. The Registry finds out what a mutator changed by comparing, so a Change says who did it, and an
//     error who failed, whatever the mutator says.
//   - Containment. A panic becomes a [*PanicError]. No lock is held while a mutator runs; one that registers another is
//     fine. A mutator is never abandoned in another goroutine: it is waited for, and ctx tells it to hurry.
//   - Secrets. A Change never holds a value, and a Plan doesn't print any. Nothing is logged.
//   - No globals. A program has as many Registries as it likes; nothing registers itself, and nothing is written into
//     the environment of this process.
//
// # What it refuses
//
// Values are literal: there is no interpolation and no merging of lists like PATH. There is no way to unregister or
// replace a mutator. Policy is opt-in and one concept, [Check]: see [Protect], [NoOverride], [PortableNames] and
// [MaxSize]. A mutator is code of the platform's own process; no check makes one that isn't trusted safe.
package provisionhook
