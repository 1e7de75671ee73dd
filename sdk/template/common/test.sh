#!/bin/sh
# Holds the module to the contract.  Usage: test.sh MODULE [--set KEY=VALUE]...
set -eu
module=$(cd "$(dirname "$1")" && pwd)/$(basename "$1")
shift
chmod go-w "$(dirname "$module")" "$module" # what others can write is not loaded
exec ${COUNTERSIGN:-countersign} plugins check "$module" "$@"
