#!/bin/sh
# Holds the module to the contract.  Usage: test.sh MODULE
set -eu
module=$(cd "$(dirname "$1")" && pwd)/$(basename "$1")
exec ${COUNTERSIGN:-countersign} plugins check "$module"
