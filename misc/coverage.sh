#!/bin/bash
#
# misc/coverage.sh
#
# Builds the module and the unit tests with gcov's counters, runs both kinds
# of tests and says what they reached: a table, and pages in
# BUILD/coverage/html.  Fails where a test fails, or below the bars of
# misc/check-coverage.pl.
#
# Processes write their counters when they exit, into files that belong to
# whoever built them: workers run as that user, and those that are killed
# leave nothing.

set -euo pipefail

cd "$(dirname "$0")/.."
. misc/common.sh


BUILD=$(realpath -m "$BUILD")/coverage
CC_OPT='-g -O0 -fPIC --coverage'
LD_OPT='-fPIC --coverage'
SECTOR_TEST_FLAGS='-O0 --coverage'

export BUILD CC_OPT LD_OPT SECTOR_TEST_FLAGS

objects=("$BUILD/nginx/objs/addon" "$BUILD/tests")


misc/deps.sh build test dev

# counters add up over runs, also those of code that has changed since
rm -rf "$BUILD/html" "$BUILD/coverage.json"
for dir in "${objects[@]}"; do
    [ ! -d "$dir" ] || find "$dir" -name '*.gcda' -delete
done

status=0
misc/test.sh unit || status=1
in_group misc/test.sh nginx || status=1

echo "== coverage"
mkdir -p "$BUILD/html"

gcovr -r . --filter 'ngx_sector_cache_module/' --exclude-unreachable-branches \
    --json "$BUILD/coverage.json" --html-details "$BUILD/html/index.html" \
    --html-title 'ngx_http_sector_cache_module' "${objects[@]}" \
    >"$BUILD/gcovr.log" 2>&1 \
    || { tail -n 20 "$BUILD/gcovr.log" >&2; die "gcovr failed"; }

misc/check-coverage.pl "$BUILD/coverage.json" || status=1
echo "coverage: pages are in $BUILD/html"

exit $status
