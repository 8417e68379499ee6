#!/bin/bash
#
# Prepares BUILD/nginx, a folder in which nginx's makefile builds the module
# out of tree; runs nginx's configure there (about 20 s) only when something
# changed that configure looks at.
#
#     misc/configure.sh            a dynamic module
#     misc/configure.sh static     nginx itself, with the module inside
#
# Before that, the dashboard's files are made if they are not up to date.
#
# From the environment: BUILD, CC, NGINX_SRC, CC_OPT, LD_OPT,
# SECTOR_CACHE_CFLAGS.

set -euo pipefail

cd "$(dirname "$0")/.."
. misc/common.sh


kind=${1:-dynamic}
top=$PWD
source=$(realpath "$NGINX_SRC")
conf_flags=$source/conf_flags
dir=$BUILD/nginx
stamp=$dir/.configured

# read by config
assets=ngx_http_sector_cache_assets.c
SECTOR_CACHE_ASSETS=$(realpath -m "$BUILD")/assets/$assets
export SECTOR_CACHE_ASSETS


# What a plain source tree is configured with; --with-compat makes the module
# fit any nginx of that version that was built with it, too.

flags=(
    --with-compat
    --with-debug
    --with-threads
    --with-pcre-jit
    --with-http_ssl_module
    --with-http_v2_module
    --with-http_realip_module
    --with-http_auth_request_module
    --with-http_addition_module
    --with-http_gunzip_module
    --with-http_slice_module
    --with-http_stub_status_module
    --with-http_sub_module
)

if [ -f "$conf_flags" ] && [ "$kind" = dynamic ]; then
    # Debian's, a bash array
    # shellcheck source=/dev/null
    . "$conf_flags"
    flags=("${NGX_CONF_FLAGS[@]}")
fi

case $kind in
    dynamic) flags+=("--add-dynamic-module=$top") ;;
    static)  flags+=("--add-module=$top" --prefix=/usr/share/nginx) ;;
    *)       die "dynamic or static, not \"$kind\"" ;;
esac


fingerprint() {
    printf '%s\n' "$kind" "$top" "$source" "$SECTOR_CACHE_ASSETS" "$CC" \
        "${CC_OPT:-}" "${LD_OPT:-}" "${SECTOR_CACHE_CFLAGS:-}" "${flags[@]}"
    # shellcheck disable=SC2086  # "ccache gcc" is two words
    $CC --version
    cat config config.make misc/configure.sh "$source/src/core/nginx.h"
    printf '%s\n' ngx_sector_cache_module/*.[ch]
}


misc/assets.sh

now=$(fingerprint | cksum)

if [ -f "$stamp" ] && [ -f "$dir/objs/Makefile" ] \
    && [ "$(cat "$stamp")" = "$now" ]
then
    exit 0
fi

printf 'configure: nginx %s, %s\n' \
    "$(sed -n 's/^#define NGINX_VERSION *"\(.*\)"/\1/p' \
        "$source/src/core/nginx.h")" "$kind"

rm -rf "$dir"
mkdir -p "$dir"
ln -s "$source"/{auto,src} "$dir/"
ln -s "$(find_configure "$source")" "$dir/configure"

# nginx's own release has it beside; "make install" of nginx is not our matter
[ ! -e "$source/conf" ] || ln -s "$source/conf" "$dir/"

cd "$dir"

if ! sh ./configure "${flags[@]}" --with-cc="$CC" \
    --with-cc-opt="${CC_OPT:-}" --with-ld-opt="${LD_OPT:-}" >configure.log 2>&1
then
    tail -n 15 configure.log >&2
    die "nginx's configure failed; all it said is in $dir/configure.log" \
        "and $dir/objs/autoconf.err"
fi

printf '%s\n' "$now" >.configured
