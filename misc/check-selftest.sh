#!/bin/bash
#
# A check is worth what it catches: each one is shown a small good tree, which
# it must pass, then trees with one thing wrong, which it must not.

# shellcheck disable=SC2016  # dollars in single quotes are for Perl

set -euo pipefail

cd "$(dirname "$0")/.."
. misc/common.sh


misc=$PWD/misc
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

good=0
bad=0


# A tree that everything passes.
fresh() {
    local dir

    rm -rf "$scratch/tree"
    dir=$scratch/tree/ngx_sector_cache_module
    mkdir -p "$dir"

    cat >"$dir/sector_stats.h" <<'H'
#include <stdint.h>

#define COUNTERS(X)  X(HIT, "hits", "answered at once")

uint64_t sector_stats_sum(uint64_t a, uint64_t b);
H

    cat >"$dir/sector_stats.c" <<'C'
#include "sector_stats.h"


static uint64_t
one(uint64_t a)
{
    if (a == 0) {
        return 1;
    }

    return a;
}


/* Adds. */

uint64_t
sector_stats_sum(uint64_t a, uint64_t b)
{
    return one(a) + b;
}
C

    cat >"$dir/sector_model.c" <<'C'
#include <jansson.h>

#include "sector_stats.h"


void
sector_model_free(json_t *json)
{
    json_decref(json);
}
C

    printf '#include <ngx_http.h>\n' >"$dir/ngx_http_sector_cache_fetch.c"
    printf '#include <ngx_http.h>\n' >"$dir/ngx_http_sector_cache_response.h"

    cat >"$dir/ngx_http_sector_cache_module.c" <<'C'
#include <ngx_http.h>

static ngx_str_t  name = ngx_string("sector_cache_zone");
C

    cat >"$dir/ngx_http_sector_cache_variables.c" <<'C'
#include <ngx_http.h>

static ngx_str_t  name = ngx_string("sector_cache_age");
C

    mkdir -p "$scratch/tree/sectorctl"
    printf '#include "sectorctl.h"\n' >"$scratch/tree/sectorctl/sectorctl.c"
    cat >"$dir/sector_metrics.c" <<'C'
#include "sector_stats.h"

#define SECTOR_METRICS(X)                                                     \
    X(ENTRIES, "sector_cache_entries", "gauge", "entries kept")
C

    mkdir "$scratch/tree/contrib" "$scratch/tree/contrib/"{grafana,prometheus}

    cat >"$scratch/tree/contrib/grafana/sector-cache.json" <<'J'
{"templating":{"list":[
    {"name":"datasource","type":"datasource"},
    {"name":"namespace","type":"query",
     "query":{"query":"label_values(sector_cache_entries, namespace)"}}]},
 "panels":[
    {"id":1,"type":"stat","title":"Entries","description":"entries kept",
     "gridPos":{"x":0,"y":0,"w":4,"h":4},
     "targets":[{"datasource":{"uid":"${datasource}"},
       "expr":"sum(sector_cache_entries{namespace=~\"$namespace\"})"}]},
    {"id":2,"type":"stat","title":"Most","description":"of an hour",
     "gridPos":{"x":4,"y":0,"w":4,"h":4},
     "targets":[{"datasource":{"uid":"${datasource}"},
       "expr":"max_over_time(sector_cache_entries[$__range])"}]}]}
J

    cat >"$scratch/tree/contrib/prometheus/sector-cache.rules.yml" <<'Y'
groups:
  - name: sector-cache
    rules:
      - alert: Many
        expr: sector_cache_entries > 10
Y

    cat >"$scratch/tree/contrib/prometheus/sector-cache.test.yml" <<'Y'
rule_files: [sector-cache.rules.yml]
evaluation_interval: 1m
tests:
  - interval: 1m
    input_series:
      - series: sector_cache_entries
        values: '10 11'
    alert_rule_test:
      - eval_time: 0m
        alertname: Many
        exp_alerts: []
      - eval_time: 1m
        alertname: Many
        exp_alerts:
          - exp_labels:
Y

    cat >"$scratch/tree/README.md" <<'M'
# Reference

### sector_cache_zone

| `$sector_cache_age` | seconds |
| `hits` | answered at once |
| `sector_cache_entries` | entries kept |
| `Many` | more than ten |
M
}


# run CHECK: silent, returns its status
run() {
    case $1 in
    layers) "$misc/check-layers.pl" "$scratch/tree/ngx_sector_cache_module" ;;
    style)  "$misc/check-style.pl" "$scratch/tree" ;;
    docs)   "$misc/check-docs.pl" "$scratch/tree" ;;
    grafana) "$misc/check-grafana.pl" "$scratch/tree" ;;
    prometheus) "$misc/check-prometheus.pl" "$scratch/tree" ;;
    esac >"$scratch/output" 2>&1
}


result() {
    if [ "$1" = ok ]; then
        good=$((good + 1))
    else
        bad=$((bad + 1))
        printf 'selftest: %s\n' "$2"
        sed 's/^/    /' "$scratch/output"
    fi
}


# passes CHECK
passes() {
    fresh

    if run "$1"; then
        result ok
    else
        result no "$1 refuses a good tree"
    fi
}


# refuses CHECK WORD FILE PERL   the file edited by a line of Perl; what the
# check says must have the word in it
refuses() {
    fresh
    perl -0pi -e "$4" "$scratch/tree/$3"

    if ! run "$1" && grep -qF -- "$2" "$scratch/output"; then
        result ok
    else
        result no "$1 accepts $3 after: $4"
    fi
}


in=ngx_sector_cache_module

passes layers
passes style
passes docs
passes grafana
passes prometheus

up='$_ = qq(#include <%s>\n$_)'

# shellcheck disable=SC2059  # the format is ours
includes() {
    printf "$up" "$1"
}

refuses layers "nginx's" $in/sector_stats.c "$(includes ngx_core.h)"
refuses layers "jansson" $in/sector_stats.c "$(includes jansson.h)"
refuses layers "zlib" $in/sector_stats.c "$(includes zlib.h)"
refuses layers "<time.h>" $in/sector_stats.c "$(includes time.h)"
refuses layers "nginx's" $in/sector_model.c "$(includes ngx_core.h)"
refuses layers "includes jansson" $in/ngx_http_sector_cache_fetch.c \
    "$(includes jansson.h)"
refuses layers "includes zlib" $in/ngx_http_sector_cache_fetch.c \
    "$(includes zlib.h)"
refuses layers "of layer 2" $in/sector_stats.c \
    '$_ = qq(#include "ngx_http_sector_cache_response.h"\n$_)'
refuses layers "fetching includes" $in/ngx_http_sector_cache_fetch.c \
    '$_ .= qq(#include "ngx_http_sector_cache_response.h"\n)'
refuses layers "uses nginx" $in/sector_stats.c 's/a == 0/ngx_time() == a/'
refuses layers "asks the system" $in/sector_stats.c 's/return a;/time(0);/'
refuses layers "allocates" $in/sector_stats.c 's/return a;/malloc(a);/'
refuses layers "the allocator" $in/sector_model.c \
    's/json_decref\(json\)/json_set_alloc_funcs(0, 0)/'
refuses layers "uses jansson" $in/ngx_http_sector_cache_module.c \
    '$_ .= qq(json_t  *j;\n)'
refuses layers "uses zlib" $in/sector_stats.c \
    's/return a;/return crc32(0, 0, a);/'

refuses layers "sectorctl/" sectorctl/sectorctl.c \
    '$_ = qq(#include "sector_stats.h"\n$_)'
refuses layers "sectorctl/" sectorctl/sectorctl.c "$(includes ngx_core.h)"

refuses style "columns" $in/sector_stats.c 's/Adds/"x" x 90/e'
refuses style "a tab" $in/sector_stats.c 's/    return/\treturn/'
refuses style "blanks at" $in/sector_stats.c 's/b;/b; /'
refuses style "// comment" $in/sector_stats.c 's/return a;/return a; \/\/ a/'
refuses style "no line break" $in/sector_stats.c 's/\n\z//'
refuses style "an empty line" $in/sector_stats.c 's/\z/\n/'
refuses style "on one line" $in/sector_stats.c 's/uint64_t\none/uint64_t one/'
refuses style "before a function" $in/sector_stats.c \
    's/\n\n\nstatic/\n\nint  i;\n\nstatic/'
refuses style "after a function" $in/sector_stats.c 's/\n\n\n(?=\/\*)/\n\n/'
refuses style "no single blank" $in/sector_stats.c 's/if \(/if(/'
refuses style "no braces" $in/sector_stats.c 's/\) \{\n(.*)\n    }/)\n$1/'
refuses style "left to do" $in/sector_stats.c 's/Adds/"TO" . "DO"/e'

refuses docs "no heading" README.md 's/### sector_cache_zone//'
refuses docs "not described" README.md 's/\$sector_cache_age/age/'
refuses docs "not described" README.md 's/hits/hit/'
refuses docs "describes nothing" README.md '$_ .= "### sector_cache_none\n"'
refuses docs "no variable" README.md '$_ .= q(See $sector_cache_none.)'
refuses docs "not described" README.md 's/sector_cache_entries/entries/'
refuses docs "no metric" README.md 's/sector_cache_entries/sector_cache_x/'

board=contrib/grafana/sector-cache.json

refuses grafana "no metric \"sector_cache_x\"" $board \
    's/sum\(sector_cache_entries/sum(sector_cache_x/'
refuses grafana "no metric \"sector_cache_x\"" $board \
    's/values\(sector_cache_entries/values(sector_cache_x/'
refuses grafana "no metric of ours" $board \
    's/max_over_time\(sector_cache_entries/max_over_time(up/'
refuses grafana "no variable \"source\"" $board 's/\$namespace/\$source/'
refuses grafana "has its id" $board 's/"id":2/"id":1/'
refuses grafana "it overlaps" $board 's/"x":4/"x":3/'
refuses grafana "no description" $board 's/"description":"of an hour",//'
refuses grafana "another data source" $board 's/"\$\{datasource\}"/"mine"/'
refuses grafana "sector-cache.json" $board 's/\]\}$/}/'

rules=contrib/prometheus/sector-cache.rules.yml
tests=contrib/prometheus/sector-cache.test.yml

refuses prometheus "no metric \"sector_cache_x\"" $rules \
    's/sector_cache_entries/sector_cache_x/'
refuses prometheus "of a test" $tests 's/sector_cache_entries/sector_cache_x/'
refuses prometheus "\"Many\" fire" $tests \
    's/exp_alerts:\n.*/exp_alerts: []\n/'
refuses prometheus "\"Many\" silent" $tests 's/ \[\]$//m'
refuses prometheus "README.md lacks" README.md 's/Many/More/'
refuses prometheus "no alerts" $rules 's/alert:/record:/'

# what only promtool sees
if have promtool; then
    refuses grafana "promtool says" $board 's/sum\(/sun(/'
    refuses grafana "promtool says" $board 's/\[\$__range\]//'
    refuses prometheus "promtool says" $rules 's/> 10/> > 10/'
    refuses prometheus "promtool says" $rules 's/> 10/> 11/'
    refuses prometheus "promtool says" $rules 's/> 10/> 9/'
fi


# Symbols: a library that exports the three tables, then one more.

tables='void *ngx_modules[1], *ngx_module_names[1], *ngx_module_order[1];
int ngx_http_sector_cache_module;'

library() {
    printf '%s\n' "$1" | $CC -shared -fPIC -x c - -o "$scratch/module.so"
}

symbols() {
    "$misc/check-symbols.sh" "$scratch/module.so" >"$scratch/output" 2>&1
}

library "$tables"

if symbols; then result ok; else result no "symbols refuses a good one"; fi

library "$tables int sector_stats_rows;"

if ! symbols; then result ok; else result no "symbols accepts a stranger"; fi

library "int ngx_http_sector_cache_module;"

if ! symbols; then result ok; else result no "symbols accepts no tables"; fi

for name in ngx_http_sector_cache_module sector_stats_rows; do
    library "${tables%int *} extern int $name;
        void *ngx_modules[1] = { &$name };"
    strip "$scratch/module.so"

    if ! symbols && grep -q "not defined: $name" "$scratch/output"; then
        result ok
    else
        result no "symbols accepts a module without $name"
    fi
done


# Valgrind: the log of a process with a stack of nginx's, then one of ours.

valgrind() {
    "$misc/check-valgrind.pl" "$scratch/logs" >"$scratch/output" 2>&1
}

stack() {
    printf '==7== Invalid read of size 1\n==7==    at 0x1: %s\n==7== \n' "$1" \
        >"$scratch/logs/7"
}

mkdir "$scratch/logs"

if ! valgrind; then result ok; else result no "valgrind accepts no log"; fi

stack "ngx_palloc (in /usr/sbin/nginx)"

if valgrind; then result ok; else result no "valgrind refuses nginx's"; fi

stack "sector_store_put (sector_store.c:7)"

if ! valgrind; then result ok; else result no "valgrind accepts ours"; fi


# What they say is kept for each test file.

for name in one two; do
    printf 'open my $out, ">", "$0.said"; print $out $ENV{VALGRIND_OPTS};\n' \
        >"$scratch/$name.t"
    printf 'print "1..1\\nok 1\\n";\n' >>"$scratch/$name.t"
done

VALGRIND_OPTS=--log-file=@TEST@.%p "$misc/prove.pl" "$scratch/one.t" \
    "$scratch/two.t" >"$scratch/output" 2>&1 || :

if grep -q 'one.t\.%p$' "$scratch/one.t.said" \
    && grep -q 'two.t\.%p$' "$scratch/two.t.said"
then
    result ok
else
    result no "prove.pl does not say which test runs"
fi


# Sanitizers: a folder of reports with a leak of nginx's, then worse ones.

asan() {
    "$misc/check-asan.pl" "$scratch/reports" >"$scratch/output" 2>&1
}

# leak KIND FRAME ...   from who called malloc() on
leak() {
    printf '==7==ERROR: LeakSanitizer: detected memory leaks\n\n'
    printf '%s leak of 7 byte(s) in 1 object(s) allocated from:\n' "$1"
    shift
    printf '    #0 0x1 in malloc (/usr/sbin/nginx+0x7)\n'
    printf '    #1 0x2 %s\n' "$@"
    printf '\nSUMMARY: AddressSanitizer: 7\n'
}

asan_says() {
    local word=$1

    cat >"$scratch/reports/san.7"

    case $word in
    yes) if asan; then result ok; else result no "asan refuses $2"; fi ;;
    no)  if ! asan; then result ok; else result no "asan accepts $2"; fi ;;
    esac
}

mkdir "$scratch/reports"

in_pool=("in ngx_alloc src/os/unix/ngx_alloc.c:22"
    "in ngx_palloc_large src/core/ngx_palloc.c:220"
    "in ngx_pcalloc src/core/ngx_palloc.c:302")
jansson="(/lib/x86_64-linux-gnu/libjansson.so.4+0x3aac)"
zlib="in deflateInit2_ (/lib/x86_64-linux-gnu/libz.so.1+0x7)"
ours="in sector_model_parse"

asan_says yes "a leak of nginx's" < <(leak Direct "${in_pool[0]}")
asan_says yes "nginx's zlib" < <(leak Direct "${in_pool[@]}" "$zlib")
asan_says yes "what nginx's holds" < <(leak Indirect "${in_pool[@]}" "$ours")
asan_says no "a leak of ours" < <(leak Direct "$ours")
asan_says no "a leak of ours" < <(leak Direct "in ngx_http_sector_cache_probe")
asan_says no "a leak of ours" < <(leak Direct "${in_pool[@]}" "$ours")
asan_says no "a leak of ours" \
    < <(leak Direct "in one /x/ngx_sector_cache_module/sector_gzip.c:7")
asan_says no "a cycle of ours" < <(leak Indirect "${in_pool[0]}" "$ours")
asan_says no "a cycle of ours" \
    < <(leak Indirect "$ours" "${in_pool[@]}" "in ngx_init_cycle")
asan_says no "a pool of ours" \
    < <(leak Indirect "in ngx_memalign" "in ngx_create_pool" "$ours")
asan_says no "jansson's, stack cut" < <(leak Indirect "$jansson")
asan_says no "jansson's, stack cut" < <(leak Indirect "in json_object (x+0x1)")
asan_says no "zlib's, stack cut" < <(leak Direct "$zlib")

asan_says no "a use after free" \
    <<<$'==7==ERROR: AddressSanitizer: heap-use-after-free\n    #0 0x1 in f'
asan_says no "undefined behaviour" \
    <<<'src/core/ngx_string.c:7:3: runtime error: null pointer'

rm "$scratch/reports/san.7"

if asan; then result ok; else result no "asan refuses silence"; fi

rmdir "$scratch/reports"

if ! asan; then result ok; else result no "asan accepts no folder"; fi

# A real one: jansson's stacks are walked as in nginx.  Leaks are looked for
# with ptrace, which a container may forbid.
mkdir "$scratch/reports"

$CC -g -O1 -fno-omit-frame-pointer -fsanitize=address -x c - \
    -o "$scratch/leak" -ljansson <<'C'
#include <jansson.h>

__attribute__((noinline)) int
sector_model_parse(const char *text)
{
    return json_loads(text, 0, NULL) == NULL;
}

int
main(int argc, char **argv)
{
    (void) argv;
    return argc == 1 || sector_model_parse("{\"a\": [1, {\"b\": \"c\"}]}");
}
C

log=log_path=$scratch/reports/san:exitcode=0

ASAN_OPTIONS=detect_leaks=1:$log "$scratch/leak" json || :

if grep -qs "has encountered a fatal error" "$scratch/reports/"san.*; then
    echo "selftest: no leak was looked for, that does not work here"
elif ! asan && grep -q "^Indirect leak" "$scratch/output"; then
    result ok
else
    result no "asan accepts what jansson leaked"
fi


# Coverage: as many lines of a hundred, and branches of layer 0.

# coverage LINES BRANCHES [FILE [COUNT]]
coverage() {
    local i

    {
        printf '{"files":[{"file":"x/%s","lines":[' "${3:-sector_store.c}"
        for ((i = 1; i <= ${4:-100}; i++)); do
            printf '{"line_number":%d,"count":%d,"branches":[%s]},' $i \
                $((i <= $1)) '{"count":'$((i <= $2))'}'
        done
        printf '{"line_number":999,"count":0,"gcovr/noncode":true}]}]}'
    } >"$scratch/coverage.json"

    "$misc/check-coverage.pl" "$scratch/coverage.json" \
        >"$scratch/output" 2>&1
}

if coverage 92 95; then result ok; else result no "coverage at the bars"; fi
if ! coverage 91 95; then result ok; else result no "fewer lines"; fi
if ! coverage 92 94; then result ok; else result no "fewer branches"; fi

if ! coverage 100 100 ngx_http_sector_cache_fetch.c \
    && grep -q "no branches of layer 0" "$scratch/output"
then
    result ok
else
    result no "coverage without layer 0"
fi

if ! coverage 100 100 sector_store.c 0 \
    && grep -q "nothing was measured" "$scratch/output"
then
    result ok
else
    result no "coverage of nothing"
fi


# The bars of "make bench": made-up numbers, of which all are good; then some
# are not.

# bench STATUS WORD PYTHON   the numbers changed by a line of Python; the last
# line of what is said must have the word in it
bench() {
    local status=0

    python3 -B - "$3" >"$scratch/output" 2>&1 <<'PY' || status=$?
import sys

sys.path.insert(0, 'tests/bench')

import bench_report


def samples(us, noisy=False):
    return [{'cpu_us': us, 'noisy': noisy}] * 3


rows = [f'{body} {encoding} {peer}' for body in ('sector', 'snapshot')
        for encoding in ('plain', 'gzip')
        for peer in ('ours', 'return', 'static_ofc', 'proxy', 'lua', 'varnish')]
cpu = {row: samples(1 if row.endswith('ours') else 4) for row in rows}
instructions = {row: [1000] * 3 for row in rows}
ours = [{'calls': 1, 'first': 50, 'last': last} for last in (52, 59, 90)]
results = {'only': ['cpu', 'instructions', 'flight'], 'skipped': {}, 'cpu': cpu,
           'instructions': instructions, 'flight': {'ours': ours}}

exec(sys.argv[1])
sys.exit(bench_report.verdict(results))
PY

    if [ $status -eq "$1" ] && tail -n 1 "$scratch/output" | grep -qF -- "$2"
    then
        result ok
    else
        result no "bench exits with $status after: $3"
    fi
}

if have python3; then
    bench 0 "14 of 14 bars passed" ''

    for peer in return static_ofc proxy lua varnish; do
        bench 1 "MISS (1)" "cpu['sector plain $peer'] = samples(.8)"
    done

    for peer in return static_ofc proxy lua; do
        bench 1 "MISS (1)" "instructions['sector plain $peer'] = [800] * 3"
    done

    for peer in proxy lua; do
        bench 1 "MISS (1)" "cpu['snapshot gzip $peer'] = samples(.8)"
    done

    bench 1 "MISS (1)" "instructions['snapshot gzip ours'] = [1201] * 3"
    bench 1 "MISS (1)" "ours[0]['calls'] = 2"
    bench 1 "MISS (1)" "ours[0]['last'] = 61"

    bench 2 "not measured (1)" "del cpu['sector plain varnish']"
    bench 2 "not measured (1)" "cpu['sector plain varnish'] = samples(4, True)"
    bench 2 "not measured (5)" \
        "results['skipped']['instructions'] = 'valgrind'; instructions.clear()"
    bench 1 "MISS (1): a hit beside Lua, CPU; not measured (1)" \
        "cpu['sector plain lua'] = samples(.8); del cpu['sector plain varnish']"

    bench 0 "not asked for: 12" \
        "results['only'] = ['flight']; cpu.clear(); instructions.clear()"
    bench 2 "0 of 14" "results['only'] = ['nothing']"
fi


printf 'selftest: %d passed, %d failed\n' $good $bad
[ $bad -eq 0 ]
