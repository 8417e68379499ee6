#!/bin/bash
#
# misc/fuzz.sh FUZZER ...
#
# Runs each of BUILD/fuzz/FUZZER for FUZZ_SECONDS, beginning with what the
# tests are made of and what earlier runs came upon.  An input that a fuzzer
# ends at is kept as BUILD/fuzz/found/..., and fails.

set -euo pipefail

cd "$(dirname "$0")/.."
. misc/common.sh


dir=$BUILD/fuzz
seconds=${FUZZ_SECONDS:-60}
failed=0

export ASAN_OPTIONS=detect_stack_use_after_return=1
export UBSAN_OPTIONS=print_stacktrace=1

misc/fuzz-corpus.pl "$dir"
mkdir -p "$dir/found"

for fuzzer in "$@"; do
    name=${fuzzer#fuzz_}
    log=$dir/$name.log
    options=()
    [ ! -s "$dir/$name.dict" ] || options=(-dict="$dir/$name.dict")
    mkdir -p "$dir/corpus/$name"

    if "$dir/$fuzzer" -max_total_time="$seconds" -timeout=20 -max_len=16384 \
        -rss_limit_mb=2048 -use_value_profile=1 \
        -print_final_stats=1 -artifact_prefix="$dir/found/$name-" \
        "${options[@]}" "$dir/corpus/$name" >"$log" 2>&1
    then
        printf '%s: %s runs, %s inputs, %s edges\n' "$fuzzer" \
            "$(sed -n 's/^stat::number_of_executed_units: *//p' "$log")" \
            "$(find "$dir/corpus/$name" -type f | wc -l)" \
            "$(sed -n 's/.* cov: \([0-9]*\) .*/\1/p' "$log" | tail -n 1)"
    else
        printf '%s: FAILED\n' "$fuzzer"
        grep -v -E '^#[0-9]+[[:space:]]+(NEW|REDUCE|pulse)' "$log" \
            | tail -n 60
        failed=1
    fi
done

exit $failed
