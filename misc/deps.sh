#!/bin/bash
#
# misc/deps.sh [build] [client] [test] [run] [dev] [static] [bare] [bench]
#
# Installs what is missing for the named uses, with apt, and nothing when
# nothing is missing: then it only looks, without apt and without root.  What
# only a test or two want is unpacked to BUILD/tools, not installed; and to
# BUILD/peers what a bench compares with: installed, Debian would have modules
# loaded by the machine's own nginx, and services started with the machine.

set -euo pipefail

cd "$(dirname "$0")/.."
. misc/common.sh


missing=()
wished=()
unpacked=()
peers=()
test_nginx=no

# Remembered between runs, so that a build is not kept waiting for perl; not for
# a bench, which takes long anyway: what it lacks is worth a try each time.
seen=$BUILD/.deps
[ "$*" != bench ] || seen=/dev/null


need() {
    local package=$1
    shift
    "$@" >/dev/null 2>&1 || missing+=("$package")
}


# What a test or two can do without: installed where that can be done.
wish() {
    local package=$1
    shift
    "$@" >/dev/null 2>&1 || wished+=("$package")
}


# The same, of which only the programs are wanted, and no service.
spare() {
    local package=$1
    shift
    "$@" >/dev/null 2>&1 || unpacked+=("$package")
}


# One that a bench compares with, wanted with the libraries that it needs.
peer() {
    local package=$1
    shift
    "$@" >/dev/null 2>&1 || peers+=("$package")
}


has_nginx_source() {
    find_configure "$NGINX_SRC" >/dev/null
}


has_jansson() {
    pkg-config --atleast-version=2.11 jansson \
        || { ! have pkg-config && [ -f /usr/include/jansson.h ]; }
}


has_curl() {
    pkg-config --atleast-version=7.68 libcurl
}


has_zlib() {
    pkg-config --atleast-version=1.2.12 zlib \
        || { ! have pkg-config && [ -f /usr/include/zlib.h ]; }
}


has_library() {
    printf '#include <%s>\nint main(void) { return 0; }\n' "$1" \
        | ${CC%% *} -E -DPCRE2_CODE_UNIT_WIDTH=8 -x c - -o /dev/null
}


has_chromium() {
    [ -n "${CHROMIUM:-}" ] || have chromium || have chromium-browser \
        || have google-chrome
}


has_prometheus() {
    have prometheus && have promtool
}


# clang's runtime is a package of its own.
has_fuzzer() {
    printf 'int LLVMFuzzerTestOneInput(void *p, long n) { return !p && n; }\n' \
        | clang -fsanitize=fuzzer,address -x c - -o /dev/null
}


has_cmocka() {
    printf '%s\n' '#include <stdarg.h>' '#include <stddef.h>' \
        '#include <setjmp.h>' '#include <stdint.h>' '#include <cmocka.h>' \
        | ${CC%% *} -E -DPCRE2_CODE_UNIT_WIDTH=8 -x c - -o /dev/null
}


has_module() {
    local file=/usr/lib/nginx/modules/ngx_http_$1_module.so

    [ -f "$file" ] || [ -f "$BUILD/peers$file" ]
}


has_server() {
    have "$1" || [ -x "$BUILD/peers/usr/bin/$1" ] \
        || [ -x "$BUILD/peers/usr/sbin/$1" ]
}


look_for() {
    local use

    for use in "$@"; do
        case $use in
        build)
            need gcc have "${CC%% *}"
            need libc6-dev [ -f /usr/include/stdlib.h ]
            need make have make
            need pkg-config have pkg-config
            need libjansson-dev has_jansson
            need zlib1g-dev has_zlib
            [ -n "${UPLOT:-}" ] || need npm have npm

            if [ "$NGINX_SRC" = /usr/share/nginx/src ]; then
                need nginx have nginx
                need nginx-dev has_nginx_source
            elif ! has_nginx_source; then
                die "NGINX_SRC: no configure in \"$NGINX_SRC\" or its auto"
            fi
            ;;

        client)
            need gcc have "${CC%% *}"
            need libc6-dev [ -f /usr/include/stdlib.h ]
            need make have make
            need pkg-config have pkg-config
            need libjansson-dev has_jansson
            need libcurl4-openssl-dev has_curl
            ;;

        test)
            need bsdutils have script
            need nginx have "${NGINX_BIN:-nginx}"
            need binutils have nm
            need openssl have openssl
            need perl perl -MTAP::Harness -MIO::Socket::INET -e 1
            need libcmocka-dev has_cmocka
            need tzdata [ -d /usr/share/zoneinfo ]
            spare prometheus has_prometheus
            wish chromium has_chromium
            perl -MTest::Nginx::Socket -e 1 >/dev/null 2>&1 || test_nginx=yes
            ;;

        run)
            need nginx have "${NGINX_BIN:-nginx}"
            need curl have curl
            ;;

        dev)
            need clang have clang
            need clang-format have clang-format
            need libclang-rt-dev has_fuzzer
            need valgrind have valgrind
            need gcovr have gcovr
            ;;

        static)
            need libpcre2-dev has_library pcre2.h
            need libssl-dev has_library openssl/ssl.h
            need dpkg-dev have dpkg-source
            ;;

        bench)
            need python3 have python3
            wish wrk have wrk
            wish valgrind have valgrind
            wish gnuplot-nox have gnuplot
            peer libnginx-mod-http-lua has_module lua
            peer libnginx-mod-http-srcache-filter has_module srcache_filter
            peer libnginx-mod-http-memc has_module memc
            peer libnginx-mod-http-set-misc has_module set_misc
            peer memcached has_server memcached
            peer varnish has_server varnishd
            ;;

        bare)
            need debootstrap have debootstrap
            need curl have curl
            need git have git
            ;;

        *)
            die "no such use: \"$use\""
            ;;
        esac
    done
}


[ $# -gt 0 ] || set -- build client test run

# Of this script too: what it looks for may change.
stamp="$* $CC $NGINX_SRC ${NGINX_BIN:-} $(cksum <misc/deps.sh)"

if [ -f "$seen" ] && grep -qxF "$stamp" "$seen" \
    && { [ "$*" = client ] || { has_nginx_source \
        && have "${NGINX_BIN:-nginx}"; }; } && have "${CC%% *}"
then
    exit 0
fi

look_for "$@"

if [ ${#missing[@]} -eq 0 ] && [ ${#wished[@]} -eq 0 ] \
    && [ ${#unpacked[@]} -eq 0 ] && [ ${#peers[@]} -eq 0 ] \
    && [ $test_nginx = no ]
then
    mkdir -p "$BUILD"
    printf '%s\n' "$stamp" >>"$seen"
    exit 0
fi


# Something is missing.

mapfile -t missing < <(printf '%s\n' "${missing[@]}" | sort -u | sed '/^$/d')

wanted=("${missing[@]}")
[ $test_nginx = no ] || wanted+=(libtest-nginx-perl)

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
chmod 755 "$scratch"


no_wishes() {
    printf 'deps: without %s: what needs it is skipped\n' "$*"
}


# fetch PACKAGE FOLDER   into a folder of $scratch
fetch() {
    printf 'deps: unpacking %s\n' "$1"

    (cd "$scratch" && rm -f "$1"_*.deb \
        && apt-get -q -o APT::Sandbox::User=root download "$1" \
        && dpkg -x "$1"_*.deb "$2")
}


# The peers with what they need, but for what is installed: it stays as it is.
# Copied when all are there, so that none is found that lacks a library.
unpack_peers() {
    local package plan packages

    plan=$(apt-get -q -s install --no-install-recommends "${peers[@]}") \
        || return

    mapfile -t packages < <(sed -n 's/^Inst \([^ ]*\) (.*/\1/p' <<<"$plan")

    for package in "${packages[@]}"; do
        fetch "$package" peers \
            && dpkg-deb -f "$scratch/$package"_*.deb Version \
                >"$scratch/peers/version.$package" \
            || return
    done

    mkdir -p "$BUILD" && cp -a "$scratch/peers" "$BUILD"
}


# Needs no root: apt checks what it fetches, and no script of a package runs.
unpack() {
    local package

    have apt-get && have dpkg || return 1

    for package in "${unpacked[@]}"; do
        fetch "$package" "$package" \
            && mkdir -p "$BUILD/tools" \
            && install -m 755 "$scratch/$package"/usr/bin/* "$BUILD/tools" \
            || return
    done

    [ ${#peers[@]} -eq 0 ] || unpack_peers
}


# Wishes alone are worth a try, and no failure.

if [ ${#wanted[@]} -eq 0 ] || [ -z "${wanted[*]}" ]; then

    if [ ${#wished[@]} -gt 0 ] \
        && { ! have apt-get || { [ "$(id -u)" != 0 ] && ! have sudo; }; }
    then
        no_wishes "${wished[@]}"
        wished=()
    fi

    if [ ${#wished[@]} -eq 0 ]; then
        [ ${#unpacked[@]} -eq 0 ] && [ ${#peers[@]} -eq 0 ] || unpack \
            || { have apt-get && [ "$(id -u)" = 0 ] && apt-get -q update \
                 && unpack; } \
            || no_wishes "${unpacked[@]}" "${peers[@]}"

        mkdir -p "$BUILD"
        printf '%s\n' "$stamp" >>"$seen"
        exit 0
    fi
fi

have apt-get \
    || die "missing: ${wanted[*]} (the names of Debian's packages), and this" \
           "machine has no apt-get: please install them by hand"

if [ "$(id -u)" = 0 ]; then
    root=()
elif have sudo; then
    root=(sudo)
else
    die "missing: ${wanted[*]}; please run as root: apt-get install" \
        "${wanted[*]}"
fi

printf 'deps: installing %s\n' "${wanted[*]} ${wished[*]}"


# Debian starts services when it installs them.  An nginx that we need for
# tests must not take port 80, nor may one of the user's be restarted: package
# scripts see these two commands first, which do nothing.

mkdir "$scratch/path"

for command in invoke-rc.d deb-systemd-invoke; do
    printf '#!/bin/sh\nexit 0\n' >"$scratch/path/$command"
    chmod 755 "$scratch/path/$command"
done

apt=(
    "${root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -y -q
    -o DPkg::Lock::Timeout=300 -o Dpkg::Use-Pty=0
    -o DPkg::Path="$scratch/path:/usr/sbin:/usr/bin:/sbin:/bin"
)


updated=no

update_once() {
    [ $updated = yes ] || "${apt[@]}" update
    updated=yes
}


install_packages() {
    "${apt[@]}" install --no-install-recommends --no-remove "$@"
}


# Bookworm has no Test::Nginx.  Later suites have, and it is plain Perl: fetch
# that one package, checked by apt, and let this suite give all it needs.
install_test_nginx() {
    local archive suite=forky

    if apt-cache policy libtest-nginx-perl 2>/dev/null \
        | grep -q 'Candidate: [0-9]'
    then
        install_packages libtest-nginx-perl
        return
    fi

    # shellcheck source=/dev/null
    archive=$(. /etc/os-release && apt_archive "${VERSION_CODENAME:-stable}") \
        || die "apt knows of no main archive of this release"

    apt_private "$scratch/apt" deb "$archive" "$suite"

    apt-get "${apt_options[@]}" update

    (cd "$scratch" \
        && apt-get "${apt_options[@]}" download libtest-nginx-perl)

    install_packages "$scratch"/libtest-nginx-perl_*.deb
}


# Lists may be there and old: update when the first try fails.

if [ ${#missing[@]} -gt 0 ]; then
    if ! apt-cache show "${missing[@]}" >/dev/null 2>&1; then
        update_once
    fi

    install_packages "${missing[@]}" \
        || { update_once && install_packages "${missing[@]}"; }
fi

if [ $test_nginx = yes ]; then
    # shellcheck source=/dev/null
    (. /etc/os-release && apt_archive "${VERSION_CODENAME:-stable}") \
        >/dev/null || update_once

    install_test_nginx
fi


if [ ${#wished[@]} -gt 0 ]; then
    install_packages "${wished[@]}" \
        || { update_once && install_packages "${wished[@]}"; } \
        || no_wishes "${wished[@]}"
fi

if [ ${#unpacked[@]} -gt 0 ] || [ ${#peers[@]} -gt 0 ]; then
    unpack || { update_once && unpack; } \
        || no_wishes "${unpacked[@]}" "${peers[@]}"
fi


# Look again: what is still missing would only show up later, and worse.

missing=()
test_nginx=no
look_for "$@"
[ $test_nginx = no ] || missing+=(libtest-nginx-perl)

[ ${#missing[@]} -eq 0 ] || die "still missing: ${missing[*]}"

mkdir -p "$BUILD"
printf '%s\n' "$stamp" >>"$seen"
