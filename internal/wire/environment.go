package wire

// The environment variables of a workspace. An empty one counts as unset.
const (
	EnvURL        = "PROVISIONKIT_URL"         // the URL of the workspace's own token
	EnvBearer     = "PROVISIONKIT_BEARER"      // what it authenticates itself with, or
	EnvBearerFile = "PROVISIONKIT_BEARER_FILE" // where that is written
	EnvAllowHTTP  = "PROVISIONKIT_ALLOW_HTTP"  // 1: the URL may be http to another machine
	EnvHosts      = "PROVISIONKIT_HOSTS"       // the hosts to serve, separated by commas
	EnvOnFailure  = "PROVISIONKIT_ON_FAILURE"  // fallthrough or quit: what git is told where there is no token
	EnvRetry      = "PROVISIONKIT_RETRY"       // a Go duration: how long a platform that isn't there is asked again
	EnvCacheFor   = "PROVISIONKIT_CACHE_FOR"   // a Go duration: how long git may keep a token in its own memory
	EnvGateway    = "PROVISIONKIT_GATEWAY"     // the URL of the gateway, where that is the way to the forge
	EnvGH         = "PROVISIONKIT_GH"          // the path of the real gh
	EnvGHDepth    = "PROVISIONKIT_GH_DEPTH"    // how many shims of gh have called each other
)
