#!/bin/sh
# Builds the helper into the folder DIR, as one static file that any image of the target system runs: build.sh DIR
set -eu
[ $# = 1 ] || { echo "usage: build.sh DIR" >&2; exit 1; }
CGO_ENABLED=0 go build -trimpath -o "$1/" github.com/molecule-ai/provisionkit/tokenprovider/workspace/git-credential-provisionkit
