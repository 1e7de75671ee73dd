#!/bin/bash
# What abidiff says of the contract since 0.9, to be read by people.  It cannot tell what was
# added at an end from what was put between, so its exit code is not the gate: the ledger is.
set -u
top=${1:?} dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
for from in "$top/tests/abi/0.9" "$top/sdk/include"; do
	gcc -std=gnu11 -g -O0 -fPIC -shared -I"$from" -o "$dir/$(basename "$from").so" \
		"$top/tests/abi/all.c" || exit 1
done
abidiff --no-added-syms "$dir/0.9.so" "$dir/include.so"
[ $(($? & 3)) -eq 0 ] # 1: it failed, 2: wrong use
