#!/bin/bash
#
# misc/asan.sh
#
# Builds nginx with the module linked in, under AddressSanitizer with leak
# detection and UndefinedBehaviorSanitizer, and runs the tests through it: this
# Debian release's nginx, then that of a later one, as far as the archive has
# its source.  What a sanitizer says is a failure, see misc/check-asan.pl.
#
# From the environment: ASAN_NGINX=1.22 picks the versions that begin so; T, as
# for misc/test.sh.  Each build and each run has a folder of its own,
# BUILD/asan/VERSION, with all reports in BUILD/asan/VERSION/reports.

set -euo pipefail

cd "$(dirname "$0")/.."
. misc/common.sh


later=trixie
wanted=${ASAN_NGINX:-}
BUILD=$(realpath -m "$BUILD")
sources=$BUILD
all=$BUILD/asan
passed=0
failed=0
report=
deaf=

# nginx itself reads and copies unaligned, and copies nothing from NULL; its
# pools are made of single allocations, so that each one's end is seen.
# The sanitizers' libraries are linked in: tests preload one of their own, and
# a shared libubsan writes to stderr, wherever it is told to.
sanitize='-fsanitize=address,undefined -fno-sanitize=alignment'
sanitize+=' -fno-sanitize=nonnull-attribute'

CC_OPT="-g -O1 -fno-omit-frame-pointer $sanitize -DNGX_DEBUG_PALLOC=1"
LD_OPT="$sanitize -static-libasan -static-libubsan"
SECTOR_TEST_MODULE=

# what a function of ours leaves unset is no number that is likely
unset=-ftrivial-auto-var-init=pattern

if $CC $unset -x c -c -o /dev/null /dev/null 2>/dev/null; then
    SECTOR_CACHE_CFLAGS="${SECTOR_CACHE_CFLAGS:-} $unset"
fi

export CC_OPT LD_OPT SECTOR_TEST_MODULE SECTOR_CACHE_CFLAGS


version_of() {
    sed -n 's/^#define NGINX_VERSION *"\(.*\)"/\1/p' "$1/src/core/nginx.h"
}


# Leaks are looked for with ptrace, which a container may forbid.
leaks_are_found() {
    local probe=$all/probe

    # shellcheck disable=SC2086  # words
    printf 'int main(void) { return 0; }\n' \
        | $CC $sanitize -x c - -o "$probe" || return 1

    ASAN_OPTIONS=detect_leaks=1 "$probe" 2>/dev/null
}


build() {
    NGINX_SRC=$1 ASAN_OPTIONS=detect_leaks=0 misc/configure.sh static || return
    ASAN_OPTIONS=detect_leaks=0 "${MAKE:-make}" --no-print-directory -s \
        -j"$(nproc)" -C "$BUILD/nginx" -f objs/Makefile binary
}


# sanitized COMMAND: with reports in BUILD/reports.  From its first finding on,
# UndefinedBehaviorSanitizer's options hold for both: they are told the same.
# Reports tell what leaked, not how a process ended; log_path comes last:
# Test::Nginx puts a block's name after it.
sanitized() {
    local options

    options=strict_string_checks=1:detect_leaks=$leaks
    options+=:log_path=$BUILD/reports/san.@TEST@

    ASAN_OPTIONS=detect_stack_use_after_return=1:$options \
        UBSAN_OPTIONS=print_stacktrace=1:$options LSAN_OPTIONS=exitcode=0 "$@"
}


# finds WORD COMMAND: what sanitizers say of it gets to its place, where
# check-asan.pl finds it
finds() {
    local word=$1 said=$BUILD/plant.log status=0
    shift

    sanitized "$@" >/dev/null 2>&1 || :
    misc/check-asan.pl "$BUILD/reports" >"$said" || status=$?
    find "$BUILD/reports" -type f -delete

    if [ $status -ne 1 ] || ! grep -q -- "$word" "$said"; then
        echo "asan: not found: $word, see $said"
        return 1
    fi
}


# Silence is good news only from who can speak: nginx has the sanitizers in it,
# and a program built like it, with mistakes in a function like ours, is found.
# The program is run by whom the tests let workers run as, the one who runs
# them.
heard() {
    local plant=$BUILD/plant bad=0 symbols symbol

    symbols=$(nm "$BUILD/nginx/objs/nginx")

    for symbol in __asan_init __lsan_do_leak_check \
        __ubsan_handle_add_overflow
    do
        if ! grep -q " T $symbol\$" <<<"$symbols"; then
            echo "asan: nginx is built without $symbol"
            bad=1
        fi
    done

    # shellcheck disable=SC2086  # words
    $CC $CC_OPT -x c - -o "$plant" $LD_OPT -ljansson <<'C' || return
#include <jansson.h>
#include <limits.h>
#include <stdlib.h>

static volatile int   one = 1;
static char *volatile  p;

__attribute__((noinline)) int
sector_plant(int what)
{
    switch (what) {

    case 'l':
        return json_loads("{\"a\": [1, {\"b\": \"c\"}]}", 0, NULL) == NULL;

    case 'o':
        p = malloc(1);
        return p[one];

    default:
        return (INT_MAX - 1 + one) + one < 0;
    }
}

int
main(int argc, char **argv)
{
    (void) argc;
    return sector_plant(argv[1][0]);
}
C

    finds 'heap-buffer-overflow' "$plant" overflow || bad=1
    finds 'runtime error: signed integer overflow' "$plant" undefined || bad=1

    if [ $leaks -eq 1 ]; then
        finds 'Indirect leak' "$plant" leak || bad=1
    fi

    return $bad
}


tests() {
    sanitized env NGINX_BIN="$BUILD/nginx/objs/nginx" misc/test.sh nginx \
        | tee "$BUILD/run.log"
}


run() {
    local version=$1 last good bad

    in_group tests || :

    last=$(tail -n 1 "$BUILD/run.log")

    if [[ $last =~ ^([0-9]+)\ passed,\ ([0-9]+)\ failed$ ]]; then
        good=${BASH_REMATCH[1]} bad=${BASH_REMATCH[2]}
    else
        good=0 bad=1
    fi

    if misc/check-asan.pl "$BUILD/reports" "$BUILD/nginx-tests.log"; then
        good=$((good + 1))
    else
        bad=$((bad + 1))
    fi

    passed=$((passed + good))
    failed=$((failed + bad))
    report+="nginx $version: $((good + bad)) tests"$'\n'
}


misc/deps.sh build test static
mkdir -p "$all"

leaks=0
if leaks_are_found; then
    leaks=1
else
    deaf="asan: leaks are not looked for, that does not work here"
    echo "$deaf"
fi

# shellcheck source=/dev/null
here=$(. /etc/os-release && printf '%s' "${VERSION_CODENAME:-stable}")

for suite in "$here" "$later"; do
    if ! source=$(BUILD=$sources misc/nginx-source.sh "$suite"); then
        [ "$suite" != "$here" ] || die "no source of nginx"
        echo "asan: the archive has no source of $suite's nginx: left out"
        continue
    fi

    version=$(version_of "$source")

    case $version in
    "$wanted"*) ;;
    *) continue ;;
    esac

    echo "== asan: nginx $version"
    export BUILD=$all/$version
    mkdir -p "$BUILD"

    if ! build "$source"; then
        failed=$((failed + 1))
        report+="nginx $version: it does not build"$'\n'
        continue
    fi

    rm -rf "$BUILD/reports"
    mkdir -p "$BUILD/reports"
    chmod 1777 "$BUILD/reports"

    if ! heard; then
        failed=$((failed + 1))
        report+="nginx $version: reports of its sanitizers get lost"$'\n'
        continue
    fi

    run "$version"
done

[ -n "$report" ] || die "there is no source of an nginx \"$wanted\""

printf '\n%s%s%d passed, %d failed\n' "$report" "${deaf:+$deaf$'\n'}" \
    "$passed" "$failed"
[ "$failed" -eq 0 ]
