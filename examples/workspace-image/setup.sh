#!/bin/sh
# Sets git and gh up in an image where DIR has the helper and is the first folder of the PATH: setup.sh DIR
# It fails, and the build of the image with it, unless git would really ask the helper.
set -eu
[ $# = 1 ] || { echo "usage: setup.sh DIR" >&2; exit 1; }
hosts=${PROVISIONKIT_HOSTS:-github.com}

"$1/git-credential-provisionkit" version
"$1/git-credential-provisionkit" install --system --dir "$1"

for host in $(echo "$hosts" | tr ',' ' '); do
  helper=$(git config --system --get-urlmatch credential.helper "https://$host") || helper=
  case $helper in
    "!'"*"/git-credential-provisionkit'") ;;
    *) echo "setup.sh: for https://$host git would ask '$helper'" >&2; exit 1 ;;
  esac
done
