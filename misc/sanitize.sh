#!/bin/bash
#
# Prints the sanitizers' flags if a program that was built with them compiles
# and runs here, else nothing; SECTOR_TEST_FLAGS in their place, if given.
# Where the compiler can, what a function leaves unset is no likely number.

set -euo pipefail

cd "$(dirname "$0")/.."
. misc/common.sh


if [ -n "${SECTOR_TEST_FLAGS:-}" ]; then
    printf '%s\n' "$SECTOR_TEST_FLAGS"
    exit 0
fi

flags='-fsanitize=address,undefined -fno-sanitize-recover=undefined'
unset=-ftrivial-auto-var-init=pattern

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

# shellcheck disable=SC2086  # words
works() {
    printf 'int main(void) { return 0; }\n' \
        | $CC $1 -x c - -o "$scratch/probe" 2>/dev/null \
        && "$scratch/probe" 2>/dev/null
}


if works "$flags $unset"; then
    printf '%s\n' "$flags $unset"
elif works "$flags"; then
    printf '%s\n' "$flags"
else
    echo "unit tests: without sanitizers, they do not work here" >&2
fi
