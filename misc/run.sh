#!/bin/bash
#
# misc/run.sh                     starts the demo in the foreground
# misc/run.sh ok | slow | fail    tells a running demo's upstream what to do
#
# Everything is below BUILD/run; no root is needed.  From the environment:
#
#     PORT=8080             of the API, on 127.0.0.1
#     UPSTREAM_PORT=8081    of the demo's own upstream, on 127.0.0.1
#     UPSTREAM=             a real provider instead, https://host[:port][/path];
#                           it is asked for /path/v8/finance/chart/SYMBOL
#     TTL=2m                how long a sector is fresh

set -euo pipefail

cd "$(dirname "$0")/.."
. misc/common.sh


run=$(realpath -m "$BUILD/run")
port=${PORT:-8080}
upstream_port=${UPSTREAM_PORT:-8081}
upstream=${UPSTREAM:-}
ttl=${TTL:-2m}
symbols='XLK XLV XLF XLY XLC XLI XLP XLE XLU XLRE XLB SPY'
base=http://127.0.0.1:$port
pid=


tell_upstream() {
    [ -d "$run/demo" ] || die "the demo was never started: \"make run\" first"

    rm -f "$run/demo/fail" "$run/demo/slow"

    case $1 in
    ok)   echo "the demo's upstream answers" ;;
    slow) : >"$run/demo/slow"
          echo "the demo's upstream takes about four seconds" ;;
    fail) : >"$run/demo/fail"
          echo "the demo's upstream answers 503" ;;
    esac
}


is_port() {
    [[ $1 =~ ^[1-9][0-9]{0,4}$ ]] && [ "$1" -le 65535 ]
}


check_settings() {
    local name='[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?'

    is_port "$port" || die "PORT=$port is no port"
    is_port "$upstream_port" || die "UPSTREAM_PORT=$upstream_port is no port"

    [ "$port" != "$upstream_port" ] || [ -n "$upstream" ] \
        || die "PORT and UPSTREAM_PORT are both $port"

    [[ $ttl =~ ^[0-9]+(ms|s|m|h|d)?$ ]] || die "TTL=$ttl is no time, as 90s"

    upstream=${upstream%/}

    if [ -n "$upstream" ] && ! [[ $upstream =~ \
            ^https?://$name(:[0-9]{1,5})?(/[A-Za-z0-9._~/-]*)?$ ]]
    then
        die "UPSTREAM=$upstream is not https://host[:port][/path]"
    fi
}


check_free() {
    if (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; then
        die "port $1 is in use on 127.0.0.1: choose another, $2=N"
    fi
}


# Workers of a root's nginx give root up; they must be able to read $run.
user_line() {
    local owner group

    [ "$(id -u)" = 0 ] || return 0

    owner=$(stat -c %U .)
    group=$(stat -c %G .)

    if [ "$owner" = UNKNOWN ] || [ "$group" = UNKNOWN ]; then
        owner=root group=root
    fi

    echo "user $owner $group;"
}


proxy_lines() {
    [ -n "$upstream" ] || return 0

    echo 'proxy_http_version 1.1;'
    echo 'proxy_set_header Connection "";'
    # shellcheck disable=SC2016  # a variable of nginx
    echo 'proxy_set_header Host $proxy_host;'
    echo 'proxy_set_header Accept application/json;'
    echo 'proxy_set_header User-Agent "Mozilla/5.0 (sector-cache demo)";'

    case $upstream in https://*) ;; *) return 0 ;; esac

    echo 'proxy_ssl_server_name on;'

    if [ -r /etc/ssl/certs/ca-certificates.crt ]; then
        echo 'proxy_ssl_verify on;'
        echo 'proxy_ssl_verify_depth 4;'
        echo 'proxy_ssl_trusted_certificate /etc/ssl/certs/ca-certificates.crt;'
    else
        echo "run: no CA certificates here (Debian: ca-certificates)," \
             "$upstream is not verified" >&2
    fi
}


demo_server() {
    [ -z "$upstream" ] || return 0

    printf 'server {\n        listen 127.0.0.1:%s;\n' "$upstream_port"
    printf '        access_log logs/upstream.log;\n'
    printf '        include upstream.conf;\n    }\n'
}


# Writes all that is in $run.
prepare() {
    local template upstream_url=${upstream:-"http://127.0.0.1:$upstream_port"}

    mkdir -p "$run"/{conf,logs,tmp,demo/chart}
    rm -f "$run"/demo/{fail,slow} "$run"/logs/*.log "$run"/demo/chart/*

    cp misc/demo/*.json "$run/demo/chart/"
    cp misc/demo/upstream.conf "$run/conf/"

    template=$(cat misc/demo/nginx.conf.in)
    template=${template//@MODULE@/"\"$(realpath \
        "$BUILD/ngx_http_sector_cache_module.so")\""}
    template=${template//@USER@/"$(user_line)"}
    template=${template//@TTL@/"$ttl"}
    template=${template//@PORT@/"$port"}
    template=${template//@UPSTREAM@/"$upstream_url"}
    template=${template//@PROXY@/"$(proxy_lines | sed "2,\$s/^/            /")"}
    template=${template//@DEMO@/"$(demo_server)"}
    printf '%s\n' "$template" >"$run/conf/nginx.conf"
}


stop() {
    trap - INT TERM EXIT

    if [ -n "$pid" ] && kill -0 "$pid" 2>/dev/null; then
        kill -TERM "$pid" 2>/dev/null || :
        wait "$pid" || :
        echo "run: stopped"
    fi
}


# The child is ours as long as we have not waited for it.
wait_until_it_answers() {
    local tries

    for tries in {1..100}; do
        if ! kill -0 "$pid" 2>/dev/null; then
            pid=
            [ ! -s "$run/logs/error.log" ] || tail "$run/logs/error.log" >&2
            die "nginx ended; see $run/logs/error.log"
        fi

        if curl -s -o /dev/null "$base/api/v1/sectors/symbols"; then
            return
        fi

        sleep 0.1
    done

    die "nginx does not answer on port $port after $tries tries"
}


warm() {
    local symbol status good=0 list=

    for symbol in $symbols; do
        status=$(curl -s -o /dev/null -w '%{http_code}' --max-time 30 \
            "$base/api/v1/sectors/$symbol") || :

        if [ "$status" = 200 ]; then
            good=$((good + 1))
        else
            list+=" $symbol ($status)"
        fi
    done

    printf 'run: warmed %d of %d symbols%s\n' "$good" \
        "$(wc -w <<<"$symbols")" "${list:+; not:$list}"
}


say_what_to_try() {
    cat <<T

The dashboard is $base/sector-cache/
The API is on $base, its upstream is ${upstream:-a demo of our own}.
Sectors are fresh for $ttl (TTL=); logs are in $run/logs.

    curl -i $base/api/v1/sectors/XLK
    curl $base/api/v1/sectors/symbols
    curl $base/api/v1/sectors/health
    curl $base/sector-cache/stats
    make sectorctl && $BUILD/sectorctl top --url=$base
T

    if [ -z "$upstream" ]; then
        cat <<T

In another terminal: its upstream fails, is slow, is well again.

    make demo-fail
    make demo-slow
    make demo-ok
T
    fi

    printf '\nCtrl-C ends it.\n'
}


case ${1:-} in
ok | slow | fail)
    tell_upstream "$1"
    exit 0
    ;;

'') ;;

*)
    die "ok, slow, fail or nothing, not \"$1\""
    ;;
esac

check_settings

nginx=$(find_nginx)

if running=$(demo_pid "$run"); then
    die "the demo runs already, pid $running;" \
        "for a second one name another folder: make run BUILD=build2"
fi

check_free "$port" PORT
[ -n "$upstream" ] || check_free "$upstream_port" UPSTREAM_PORT

prepare

if ! "$nginx" -t -q -p "$run" -e logs/error.log -c conf/nginx.conf; then
    die "nginx refuses $run/conf/nginx.conf"
fi

trap stop EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

"$nginx" -p "$run" -e logs/error.log -c conf/nginx.conf -g 'daemon off;' &
pid=$!

wait_until_it_answers
warm
say_what_to_try

wait "$pid" || :
pid=
echo "run: nginx ended; see $run/logs/error.log"
