package provisionhook

// IsMaxSize is for tests from outside: what the compiler makes of MaxSize there
// has to be recognized too.
var IsMaxSize = isMaxSize
