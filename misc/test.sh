#!/bin/bash
#
# misc/test.sh all | unit | nginx
#
# Builds, runs the tests and says how many passed; the last line is
# "N passed, N failed".  A program that crashes, a file that does not compile
# and a suite that ends early each count as one failure.
#
# From the environment, beside the Makefile's own: T, the files to run
# through nginx; SECTOR_TEST_JOBS, how many of them at a time (a processor each,
# four at most; one under valgrind); SECTOR_TEST_WORKERS; TEST_NGINX_*;
# SECTOR_TEST_MODULE, the module to load (empty: none, it is linked in).

set -euo pipefail

cd "$(dirname "$0")/.."
. misc/common.sh


what=${1:-all}
module=${SECTOR_TEST_MODULE-$BUILD/ngx_http_sector_cache_module.so}

passed=0
failed=0
report=


# count NAME PASSED FAILED
count() {
    passed=$((passed + $2))
    failed=$((failed + $3))
    report+="$1: $(($2 + $3)) tests"$'\n'
}


finish() {
    printf '\n%s%d passed, %d failed\n' "$report" "$passed" "$failed"
    [ "$failed" -eq 0 ] || exit 1
    exit 0
}


submake() {
    "${MAKE:-make}" --no-print-directory "$@"
}


checks() {
    local check good=0 bad=0

    echo "== checks"

    for check in layers symbols style docs-check contrib-check; do
        if submake "$check"; then
            good=$((good + 1))
        else
            printf '%s: FAILED\n' "$check"
            bad=$((bad + 1))
        fi
    done

    count checks $good $bad
}


# cmocka speaks TAP; a program that prints none of it counts by its status.
unit() {
    local source program output status ok not_ok skipped good=0 bad=0

    echo "== unit tests"

    if ! submake -k -j"$(nproc)" unit-build; then
        echo "not ok - some unit tests do not build"
        bad=1
    fi

    for source in tests/test_*.c tests/torture*.c; do
        [ -e "$source" ] || continue

        program=$BUILD/tests/$(basename "$source" .c)
        output=$program.out
        status=0

        # older than its source: it did not build, which is counted above
        if [ ! -x "$program" ] || [ "$source" -nt "$program" ]; then
            continue
        fi

        CMOCKA_MESSAGE_OUTPUT=TAP "$program" >"$output" 2>&1 || status=$?

        # cmocka calls what was skipped "not ok 4 # SKIP"
        skipped=$(grep -cE '^(not )?ok [0-9]+ # SKIP' "$output" || :)
        sed -i -E '/^(not )?ok [0-9]+ # SKIP/s/^/# /' "$output"
        ok=$(grep -c '^ok ' "$output" || :)
        not_ok=$(grep -c '^not ok ' "$output" || :)

        if [ "$status" -ne 0 ] && [ "$not_ok" -eq 0 ]; then
            not_ok=1
        elif [ $((ok + not_ok + skipped)) -eq 0 ]; then
            ok=1
        fi

        printf '%s: %d passed, %d failed' "$(basename "$program")" \
            "$ok" "$not_ok"
        [ "$skipped" -eq 0 ] || printf ', %d skipped' "$skipped"
        printf '\n'

        if [ "$not_ok" -gt 0 ]; then
            printf 'exit status %d; it said:\n' "$status"
            grep -v '^ok ' "$output" | tail -n 100
        fi

        good=$((good + ok))
        bad=$((bad + not_ok))
    done

    if [ $((good + bad)) -eq 0 ]; then
        echo "there are no unit tests"
        bad=1
    fi

    count unit $good $bad
}


# A place to run in with a copy of the tree's layout: Test::Nginx looks for
# valgrind.suppress in the working directory.
valgrind_dir() {
    local dir=$BUILD/valgrind name

    rm -rf "$dir"
    mkdir -p "$dir/logs"

    for name in t tests misc contrib ngx_sector_cache_module sectorctl \
        README.md
    do
        ln -s "$PWD/$name" "$dir/$name"
    done

    ln -s "$PWD/misc/valgrind.suppress" "$dir/valgrind.suppress"
    printf '%s\n' "$dir"
}


# A word for each file that may run at a time: an equal share of the ports, and
# the first of nginx's own.
slots() {
    local jobs=$1 range=${SECTOR_PORTS:-10000-31999} from to step i

    step=$(((${range#*-} + 1 - ${range%-*}) / jobs / 10 * 10))
    [ $step -ge 100 ] || die "SECTOR_PORTS=$range are too few for $jobs files" \
                             "at a time: each takes 100"

    for ((i = 0; i < jobs; i++)); do
        from=$((${range%-*} + i * step))
        to=$((from + step - 1))
        printf '%s-%s:%s\n' $from $to "$(SECTOR_PORTS=$from-$to free_port)"
    done
}


# Of through_nginx(), with its variables.
prove() {
    # shellcheck disable=SC2086  # T may name several files
    (
        cd "$dir"
        TEST_RESULT=$BUILD/nginx-tests.result misc/prove.pl $files
    ) 2>&1 | tee "$log"
}


through_nginx() {
    local good bad missing=0 jobs
    local log=$BUILD/nginx-tests.log dir=$PWD files=$T

    echo "== tests through nginx"

    export TEST_NGINX_BINARY TEST_NGINX_LOAD_MODULES=$module
    export TEST_NGINX_SERVROOT=$BUILD/servroot

    jobs=$(nproc)
    [ "$jobs" -le 4 ] || jobs=4
    [ -z "${TEST_NGINX_USE_VALGRIND:-}" ] && [ ! -f "$files" ] || jobs=1
    jobs=${SECTOR_TEST_JOBS:-$jobs}

    if [ "$jobs" -gt 1 ] && [ -z "${TEST_NGINX_PORT:-}" ]; then
        SECTOR_TEST_SLOTS=$(slots "$jobs")
        export SECTOR_TEST_SLOTS
    else
        export TEST_NGINX_PORT=${TEST_NGINX_PORT:-$(free_port)}
    fi

    TEST_NGINX_BINARY=$(find_nginx)

    # the directory of a module that is loaded, for tests that load it anew
    export SECTOR_TEST_MODULE=$module

    # as ours, or into an nginx that was built beside them
    if [ -n "$module" ] \
        || [ "$TEST_NGINX_BINARY" -ef "$BUILD/nginx/objs/nginx" ]
    then
        submake test-modules || missing=$((missing + 1))
        export SECTOR_SLAB_TEST_MODULE=$BUILD/tests/slab_test_module.so
        export SECTOR_HEADERS_TEST_MODULE=$BUILD/tests/headers_test_module.so
    fi

    if ! submake sectorctl-test; then
        missing=$((missing + 1))
        rm -f "$BUILD/tests/sectorctl"
    fi

    export SECTORCTL=$BUILD/tests/sectorctl

    submake hosts || missing=$((missing + 1))
    export SECTOR_SLOW_DISK=$BUILD/tests/slow_disk.so
    export SECTOR_FAULTY_HOST=$BUILD/tests/faulty_host.so

    # glibc fills what is allocated, with 0xfe: nothing is zero that was not set
    export MALLOC_PERTURB_=${MALLOC_PERTURB_:-1}

    if [ -n "${TEST_NGINX_USE_VALGRIND:-}" ]; then
        dir=$(valgrind_dir)
        export VALGRIND_OPTS="--log-file=$dir/logs/@TEST@.%p"
    fi

    rm -rf "$BUILD/nginx-tests.result" "$BUILD/servroot"
    mkdir -p "$BUILD/servroot"

    in_group prove || :

    if [ -s "$BUILD/nginx-tests.result" ]; then
        read -r good bad <"$BUILD/nginx-tests.result"
    else
        echo "the tests ended before their result"
        good=0 bad=1
    fi

    if [ -n "${TEST_NGINX_USE_VALGRIND:-}" ]; then
        if misc/check-valgrind.pl "$dir/logs"; then
            good=$((good + 1))
        else
            bad=$((bad + 1))
        fi
    fi

    # what tests need beside nginx, and skip or lack without
    [ $missing -eq 0 ] || echo "not ok - something for the tests does not build"

    count nginx "$good" $((bad + missing))
}


: "${T:=t}"

misc/deps.sh build client test

if [ "$what" != unit ] && [ -n "$module" ] && ! submake build; then
    echo "the module does not build"
    count build 0 1
    finish
fi

case $what in
all)
    checks
    unit
    through_nginx
    ;;

unit)
    unit
    ;;

nginx)
    through_nginx
    ;;

*)
    die "all, unit or nginx, not \"$what\""
    ;;
esac

finish
