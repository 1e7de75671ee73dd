#!/bin/sh
# Holds the module to the contract.  Usage: test.sh MODULE [--set KEY=VALUE]...
set -eu
module=$(cd "$(dirname "$1")" && pwd)/$(basename "$1")
shift
exec ${COUNTERSIGN:-countersign} plugins check "$module" "$@"
