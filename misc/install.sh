#!/bin/bash
#
# misc/install.sh install | uninstall
#
# The module's file, in the folder where this nginx looks for its modules;
# DESTDIR is put before it.

set -euo pipefail

cd "$(dirname "$0")/.."
. misc/common.sh


module=ngx_http_sector_cache_module.so
nginx=$(find_nginx)

path=$("$nginx" -V 2>&1 | tr ' ' '\n' | sed -n 's/^--modules-path=//p')

if [ -z "$path" ]; then
    prefix=$("$nginx" -V 2>&1 | tr ' ' '\n' | sed -n 's/^--prefix=//p')
    path=${prefix:-/usr/local/nginx}/modules
fi

dir=${DESTDIR:-}$path

case ${1:-} in
install)
    install -d "$dir"
    install -m 644 "$BUILD/$module" "$dir/$module"
    printf 'installed: %s\nin nginx.conf: load_module %s;\n' \
        "$dir/$module" "$path/$module"
    ;;

uninstall)
    rm -f "$dir/$module"
    printf 'removed: %s\n' "$dir/$module"
    ;;

*)
    die "install or uninstall"
    ;;
esac
