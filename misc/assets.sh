#!/bin/bash
#
# Makes BUILD/assets/ngx_http_sector_cache_assets.c: the dashboard's files as
# they are sent, plain and compressed, each with its ETag.
#
# They are those of ngx_sector_cache_module/dashboard, and uPlot, which npm
# installs below BUILD/assets, of the version and with the checksum that
# package-lock.json has.  UPLOT names a folder that has the package uplot
# already: then npm is not asked.

set -euo pipefail

cd "$(dirname "$0")/.."
. misc/common.sh


source=$PWD/ngx_sector_cache_module/dashboard
dir=$(realpath -m "$BUILD")/assets
file=$dir/ngx_http_sector_cache_assets.c


install_uplot() {
    local npm=$dir/npm name same=yes

    [ -d "$npm/node_modules/uplot" ] || same=no

    for name in package.json package-lock.json; do
        cmp -s "$source/$name" "$npm/$name" || same=no
    done

    [ $same = no ] || return 0

    have npm || die "there is no npm: run \"make deps\"," \
        "or name a folder with the package uplot, UPLOT="

    rm -rf "$npm" "$npm.new"
    mkdir -p "$npm.new"
    cp "$source"/package{,-lock}.json "$npm.new"

    # a registry may be out of reach for a moment: npm itself tries thrice
    if ! (cd "$npm.new" && npm ci --ignore-scripts --no-audit --no-fund \
            --prefer-offline --fetch-retries=3) >"$dir/npm.log" 2>&1
    then
        tail -n 15 "$dir/npm.log" >&2
        die "npm did not install uPlot; all it said is in $dir/npm.log"
    fi

    mv "$npm.new" "$npm"
}


# uPlot's licence wants to be told to whoever gets a copy.
collect() {
    rm -rf "$dir/files"
    mkdir -p "$dir/files"
    cp "$source"/*.{html,css,js,svg} "$dir/files"

    { printf '/*\n'; cat "$uplot/LICENSE"; printf '*/\n'
      cat "$uplot/dist/uPlot.iife.min.js"; } >"$dir/files/uplot.js"
    cp "$uplot/dist/uPlot.min.css" "$dir/files/uplot.css"
}


type_of() {
    case $1 in
        *.html) echo text/html ;;
        *.css)  echo text/css ;;
        *.js)   echo text/javascript ;;
        *.svg)  echo image/svg+xml ;;
    esac
}


# bytes NAME: standard input as an array
bytes() {
    printf '\n\nstatic const u_char  %s[] = {\n' "$1"
    od -An -v -tu1 | sed -e 's/ *\([0-9][0-9]*\)/\1,/g' -e 's/^/    /'
    printf '};\n'
}


# The page comes first: it is what the prefix alone is redirected to.
generate() {
    local names=(index.html) name i path etag

    for name in *; do
        [ "$name" = index.html ] || names+=("$name")
    done

    printf '/* Made by misc/assets.sh. */\n\n'
    printf '#include "ngx_http_sector_cache_assets.h"\n'

    for i in "${!names[@]}"; do
        bytes "plain_$i" <"${names[i]}"
        gzip -9 -n -c "${names[i]}" | bytes "gzip_$i"
    done

    printf '\n\nconst ngx_http_sector_cache_asset_t  '
    printf 'ngx_http_sector_cache_assets[] = {\n'

    for i in "${!names[@]}"; do
        name=${names[i]}
        path=/assets/$name
        [ "$name" != index.html ] || path=/
        etag=$(sha256sum <"$name")

        printf '    { ngx_string("%s"), ngx_string("%s"),\n' "$path" \
            "$(type_of "$name")"
        printf '      ngx_string("W/\\"%s\\""),\n' "${etag:0:16}"
        printf '      { sizeof(plain_%d), (u_char *) plain_%d },\n' "$i" "$i"
        printf '      { sizeof(gzip_%d), (u_char *) gzip_%d } },\n' "$i" "$i"
    done

    printf '    { ngx_null_string, ngx_null_string, ngx_null_string,\n'
    printf '      ngx_null_string, ngx_null_string }\n};\n'
}


mkdir -p "$dir"

if [ -n "${UPLOT:-}" ]; then
    uplot=$(realpath "$UPLOT")
    [ -f "$uplot/dist/uPlot.iife.min.js" ] \
        || die "UPLOT: no dist/uPlot.iife.min.js in \"$UPLOT\""
else
    install_uplot
    uplot=$dir/npm/node_modules/uplot
fi

collect
(cd "$dir/files" && generate) >"$file.new"

# compiled again only if something is another
if cmp -s "$file.new" "$file"; then
    rm "$file.new"
else
    mv "$file.new" "$file"
fi
