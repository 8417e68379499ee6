#!/bin/bash
#
# misc/check-symbols.sh MODULE.so
#
# nginx loads modules with global symbols: whatever a module exports may get
# into another's way.  Three tables, which nginx looks up, and the modules'
# own structs are all that may be seen.  What those need of ours is in it: a
# linker that does not understand the compiler's objects leaves it out.

set -euo pipefail

cd "$(dirname "$0")/.."
. misc/common.sh


allowed='ngx_modules|ngx_module_names|ngx_module_order'
allowed+='|ngx_http_sector_cache(_[a-z0-9_]+)?_module'

[ -f "${1:-}" ] || die "there is no module \"${1:-}\""

symbols=$(nm -D --defined-only "$1" | awk '{ print $NF }')

if wrong=$(grep -Evx "$allowed" <<<"$symbols"); then
    while read -r name; do
        echo "symbols: exported: $name"
    done <<<"$wrong"
    exit 1
fi

for name in ngx_modules ngx_module_names ngx_module_order; do
    if ! grep -qx "$name" <<<"$symbols"; then
        echo "symbols: not exported: $name, nginx cannot load this"
        exit 1
    fi
done

undefined=$(nm -D --undefined-only "$1" | awk '{ print $NF }')

if missing=$(grep -Ex '(ngx_http_)?sector_.*' <<<"$undefined"); then
    while read -r name; do
        echo "symbols: not defined: $name, nginx cannot load this"
    done <<<"$missing"
    exit 1
fi

echo "symbols: ok"
