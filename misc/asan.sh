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

# nginx itself reads and copies unaligned, and copies nothing from NULL; its
# pools are made of single allocations, so that each one's end is seen.
# The sanitizer's library is linked in: tests preload one of their own.
sanitize='-fsanitize=address,undefined -fno-sanitize=alignment'
sanitize+=' -fno-sanitize=nonnull-attribute'

CC_OPT="-g -O1 -fno-omit-frame-pointer $sanitize -DNGX_DEBUG_PALLOC=1"
LD_OPT="$sanitize -static-libasan"
SECTOR_TEST_MODULE=

export CC_OPT LD_OPT SECTOR_TEST_MODULE


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


run() {
    local version=$1 last good bad options

    rm -rf "$BUILD/reports"
    mkdir -p "$BUILD/reports"
    chmod 1777 "$BUILD/reports"

    # reports tell what leaked, not how a process ended; log_path comes last:
    # Test::Nginx puts a block's name after it
    options=detect_stack_use_after_return=1:strict_string_checks=1
    options+=:detect_leaks=$leaks:log_path=$BUILD/reports/san

    ASAN_OPTIONS=$options \
        UBSAN_OPTIONS=log_path=$BUILD/reports/san:print_stacktrace=1 \
        LSAN_OPTIONS=exitcode=0 \
        NGINX_BIN=$BUILD/nginx/objs/nginx misc/test.sh nginx \
        | tee "$BUILD/run.log" || :

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
    echo "asan: leaks are not looked for, that does not work here"
fi

# shellcheck source=/dev/null
here=$(. /etc/os-release && printf '%s' "${VERSION_CODENAME:-stable}")

for suite in "$here" "$later"; do
    if ! source=$(BUILD=$sources misc/nginx-source.sh "$suite"); then
        [ "$suite" != "$here" ] || die "no source of nginx"
        echo "asan: the archive has no source of $suite's nginx, it is left out"
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

    run "$version"
done

[ -n "$report" ] || die "there is no source of an nginx \"$wanted\""

printf '\n%s%d passed, %d failed\n' "$report" "$passed" "$failed"
[ "$failed" -eq 0 ]
