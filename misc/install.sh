#!/bin/bash
#
# misc/install.sh install | uninstall
#
# The module's file, in the folder where this nginx looks for its modules;
# sectorctl, its manual and its completion below PREFIX, /usr/local.  DESTDIR
# is put before both.

set -euo pipefail

cd "$(dirname "$0")/.."
. misc/common.sh


module=ngx_http_sector_cache_module.so
nginx=$(find_nginx)

path=$("$nginx" -V 2>&1 | tr ' ' '\n' | sed -n 's/^--modules-path=//p')

if [ -z "$path" ]; then
    path=$("$nginx" -V 2>&1 | tr ' ' '\n' | sed -n 's/^--prefix=//p')
    path=${path:-/usr/local/nginx}/modules
fi

dir=${DESTDIR:-}$path
prefix=${DESTDIR:-}${PREFIX:-/usr/local}

program=$prefix/bin/sectorctl
manual=$prefix/share/man/man1/sectorctl.1
completion=$prefix/share/bash-completion/completions/sectorctl

case ${1:-} in
install)
    install -d "$dir"
    install -m 644 "$BUILD/$module" "$dir/$module"
    printf 'installed: %s\nin nginx.conf: load_module %s;\n' \
        "$dir/$module" "$path/$module"

    install -d "${program%/*}" "${manual%/*}" "${completion%/*}"
    install -m 755 "$BUILD/sectorctl" "$program"
    install -m 644 sectorctl/sectorctl.1 "$manual"
    install -m 644 sectorctl/sectorctl.bash "$completion"
    printf 'installed: %s\n' "$program" "$manual" "$completion"
    ;;

uninstall)
    rm -f "$dir/$module"
    rm -f "$program" "$manual" "$completion"
    printf 'removed: %s\n' "$dir/$module" "$program" "$manual" "$completion"
    ;;

*)
    die "install or uninstall"
    ;;
esac
