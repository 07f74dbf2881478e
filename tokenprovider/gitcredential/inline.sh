# The credential helper for images without git-credential-provisionkit: a shell function that git runs with the operation
# as its argument. Go code joins these lines into one, without comments and indentation, so that git's configuration
# survives transports that know one line per variable. Therefore each statement says itself where it ends.
#
# It is for POSIX shells (dash, bash, busybox) and starts no program but curl, head and tr; for another try sleep and
# date, and for erase, where they are there, sha256sum and base64.

f() {
  # What the environment switched on could print what follows (xtrace) or end it half-way (errexit).
  { set +aeuvx; } 2>/dev/null;

  # A variable that came from the environment would go on to curl's.
  unset b d e l m n o p q r s t u v w x z;
  LC_ALL=C;
  o=${1-};
  case $o in get|erase) ;; *) exit 0 ;; esac;

  # fail says in one line why there is no token. What anybody answered isn't part of it.
  fail() {
    [ "$o" = get ] || exit 0;
    echo "git-credential-provisionkit: no token: $1" >&2;
    [ "${PROVISIONKIT_ON_FAILURE-}" != quit ] || echo quit=1;
    exit 1;
  };

  # Git runs its helpers in the work tree: a relative folder on the PATH isn't the repository's after this.
  cd / || fail 'there is no way to the folder /';
  [ "$(command -v printf)" = printf ] || fail "the shell has no printf of its own, and a program's arguments would show the bearer";
  n=$(printf '\1\nx'); n=${n%x}; z=${n%?}; n=${n#?};

  # The URL: https, or http where nobody can listen in or PROVISIONKIT_ALLOW_HTTP says that it doesn't matter.
  u=${PROVISIONKIT_URL-};
  s=${u#*://}; s=${s%%[/?#]*};
  case $s in *@*|*\\*) fail 'PROVISIONKIT_URL has a user name or password in it, and must not' ;; esac;
  case $u in
    '') fail "PROVISIONKIT_URL isn't set: it has to be the URL of the platform's token endpoint" ;;
    *[!!-~]*|*'#'*) fail 'PROVISIONKIT_URL has a space, control character or fragment (#), and must not' ;;
    https://[!/?:]*) p=https ;;
    http://[!/?:]*)
      case ${PROVISIONKIT_ALLOW_HTTP-},$s in
        1,*|*,localhost|*,localhost:*|*,'[::1]'|*,'[::1]:'*) p=http ;;
        *,127.*[!0-9.:]*|*,127.*.*.*.*) ;;
        *,127.*.*.*) p=http ;;
      esac;
      [ "$p" ] || fail 'PROVISIONKIT_URL is http to another machine, where anyone on the way can read the bearer: use https, or allow it with PROVISIONKIT_ALLOW_HTTP=1' ;;
    *) fail 'PROVISIONKIT_URL is neither an https nor an http URL' ;;
  esac;
  case $u in *\?*) u="$u&min_ttl=10m" ;; *) u="$u?min_ttl=10m" ;; esac;

  # bearer sets b, read anew for each try: a file may have another by then. It becomes a quoted word of a line for curl.
  bearer() {
    x=;
    if [ "${PROVISIONKIT_BEARER_FILE-}" ]; then
      case $PROVISIONKIT_BEARER_FILE in /*) ;; *) fail 'PROVISIONKIT_BEARER_FILE must be an absolute path' ;; esac;
      [ -f "$PROVISIONKIT_BEARER_FILE" ] && [ -r "$PROVISIONKIT_BEARER_FILE" ] || fail 'PROVISIONKIT_BEARER_FILE must be a file that can be read';
      { read -r b; read -r x; } <"$PROVISIONKIT_BEARER_FILE";
      b=${b%"$(printf '\r')"};
    else
      b=${PROVISIONKIT_BEARER-};
      [ "$b" ] || fail 'neither PROVISIONKIT_BEARER_FILE nor PROVISIONKIT_BEARER is set: the workspace has nothing to authenticate with';
    fi;
    case $b in ''|*[!!-~]*|*[\"\\]*) x=bad ;; esac;
    [ -z "$x" ] || fail "the workspace's bearer must be one word without control characters and quotes";
  };
  bearer;

  # ask sends standard input to the endpoint and prints its answer, and behind that what became of the request: git would
  # take half of a token for a token. Curl reads the bearer from a pipe and nothing from ~/.curlrc, goes through no proxy
  # and follows no redirect. It has m seconds.
  m=10;
  ask() {
    {
      {
        printf 'header = "Authorization: Bearer %s"\n' "$b";
        [ -z "$d" ] || printf 'header = "Provisionkit-Rejected: %s"\n' "$d";
      } |
      curl -q -K - -g -s -f --proto "=$p" --noproxy '*' -m "$m" --max-filesize 65536 -A provisionkit-inline/1
        -H 'Accept: application/x-git-credential' -H 'Content-Type: application/x-git-credential'
        --data-binary @/dev/fd/3 -w ':%{content_type}:%{http_code}:' --url "$u";
      printf %s "$?";
    } 3<&0 2>/dev/null | head -c 65536;
  };

  # What git reports as refused goes to the platform as its digest, with a request that holds no password.
  if [ "$o" = erase ]; then
    while IFS= read -r l; do
      case $l in
        protocol=*|host=*|path=*) q=$q$l$n ;;
        password=*) t=${l#*=} ;;
        credential=*) t=$(printf %s "${l#*=}" | base64 -d 2>/dev/null); t=${t#*:} ;;
      esac;
    done;
    [ "$t" ] || exit 0;
    d=$(printf %s "$t" | sha256sum 2>/dev/null); d=${d%% *};
    [ "${#d}" = 64 ] || exit 0;
    s=;
    while [ "$d" ]; do x=${d#??}; s="$s\\0$(printf %o "0x${d%"$x"}")"; d=$x; done;
    d=$(printf %b "$s" | base64 2>/dev/null);
    [ "${#d}" != 44 ] || printf %s "$q" | ask >/dev/null;
    exit 0;
  fi;

  # Git's request is kept for another try. A variable can't hold a NUL, and would be read without it.
  q=$(tr '\0' '\1'; echo .); q=${q%.};
  case $q in *"$z"*) fail 'the request holds a NUL or the like' ;; esac;

  # Where the platform isn't there, another try is made for t seconds, until e. From here on t is in tenths.
  t=${PROVISIONKIT_RETRY-}; t=${t%s};
  case $t in ''|*[!0-9]*|0?*|?????*) t=20 ;; esac;
  [ "$t" = 0 ] || [ "$t" -ge "$m" ] || m=$t;
  t=${t}0;

  # Each pattern has one "*" that something follows: with two, a hostile answer would keep the shell busy for seconds.
  w=1;
  while :; do
    { r=$(printf %s "$q" | ask); } 2>/dev/null;
    case $r in *"$n:application/x-git-credential:200:0")
      case $n$r in *"$n"password=[!"$n"]*|*"$n"credential=[!"$n"]*)
        r=${r%:*:*:*};
        # With a cache of git's own that is to have it, nothing says that it mustn't.
        [ -z "${PROVISIONKIT_CACHE_FOR-}" ] || r=$(printf %s "$r" | while IFS= read -r l; do [ "$l" = ephemeral=1 ] || printf '%s\n' "$l"; done)$n;
        printf %s "$r"; exit ;;
      esac ;;
    esac;
    case $r in
      *:[0-9][0-9][0-9]:[0-9]|*:[0-9][0-9][0-9]:[0-9][0-9]) x=${r##*:}; s=${r%:*}; s=${s##*:} ;;
      127) fail "curl isn't installed" ;;
      *) fail "the platform's answer is too large or makes no sense" ;;
    esac;
    case $s:$x in
      401:*) [ -z "$l" ] || break; l=$b; bearer; [ "$b" != "$l" ] || break ;;
      50[234]:*|000:6|000:7|000:35|*:28|*:52|*:55|*:56)
        # The wait is v tenths, w seconds less up to half of them; what is left after it bounds the next try. t, which a
        # clock that is set back doesn't make longer, ends it too.
        [ "$x" != 28 ] || t=$((t - 10 * m));
        [ "$e" ] || e=$(($(date +%s) + t / 10));
        v=$((5 * w + $$ % (5 * w)));
        t=$((t - v)); m=$((e - (v + 9) / 10 - $(date +%s)));
        [ "$t" -ge 0 ] && [ "$m" -gt 0 ] || break;
        [ "$m" -lt 10 ] || m=10;
        sleep "$((v / 10)).$((v % 10))" 2>/dev/null || sleep "$(((v + 9) / 10))";
        [ "$w" = 4 ] || w=$((w * 2)) ;;
      *) break ;;
    esac;
  done;

  # Where git tells the path, there may be no token for that repository alone: whoever runs the platform sees why.
  case $n$q in *"$n"path=?*) p=' for this repository' ;; *) p= ;; esac;
  case $s:$x in
    000:*) fail "the platform can't be reached, or didn't answer in time (curl's exit code $x)" ;;
    200:0) fail "what answers at PROVISIONKIT_URL isn't the platform's token endpoint, or had no credential" ;;
    200:*) fail "the platform's answer broke off or is too large" ;;
    3??:*) fail "PROVISIONKIT_URL leads to a redirect, which isn't followed" ;;
    401:*) fail "the platform doesn't accept the workspace's bearer (401)" ;;
    400:*) fail "the platform refuses git's request as malformed (400): is its URL that of a repository?" ;;
    403:*) fail 'the platform refuses this workspace or host (403)' ;;
    404:*) fail 'the platform has no token provider, or PROVISIONKIT_URL is wrong (404)' ;;
    429:*|5??:*) fail "the platform has no token$p at the moment ($s): try again, or ask whoever runs it" ;;
    *) fail "the platform's answer is of no use ($s)" ;;
  esac;
};
f "$@"
