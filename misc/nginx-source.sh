#!/bin/bash
#
# misc/nginx-source.sh [SUITE]
#
# Prints the path of a complete source tree of nginx: NGINX_SRC if it is one
# (Debian's nginx-dev has the headers only), else Debian's source, of this
# release or of SUITE, which it fetches into BUILD/src.  The archive is the one
# that this machine's apt uses; apt checks the signatures, in a folder of its
# own.  Where the archive has lost Debian's part of it, nginx's own release has
# to do.

set -euo pipefail

cd "$(dirname "$0")/.."
. misc/common.sh


if [ $# -eq 0 ] && [ -f "$NGINX_SRC/src/core/nginx.c" ]; then
    realpath "$NGINX_SRC"
    exit 0
fi

mkdir -p "$BUILD/src"
dir=$(realpath "$BUILD/src")

# shellcheck source=/dev/null
here=$(. /etc/os-release && printf '%s' "${VERSION_CODENAME:-stable}")
suite=${1:-$here}

found() {
    find "$dir/$suite" -maxdepth 2 -name configure -path '*/nginx-*' \
        -printf '%h\n' 2>/dev/null | sort | tail -n 1
}

original() {
    apt-get "${apt_options[@]}" source --tar-only nginx || return
    echo "nginx-source: without Debian's patches" >&2
    find . -maxdepth 1 -name 'nginx_*.orig.tar.gz' -exec tar -xzf {} \;
}

if [ -z "$(found)" ]; then
    have dpkg-source || die "dpkg-source is missing (Debian: dpkg-dev)"

    archive=$(apt_archive "$here") \
        || die "apt knows of no main archive of $here: run \"apt-get update\""

    apt_private "$dir/apt-$suite" deb-src "$archive" "$suite"
    mkdir -p "$dir/$suite"

    (
        cd "$dir/$suite"
        apt-get "${apt_options[@]}" update
        apt-get "${apt_options[@]}" source nginx || original
    ) >&2
fi

found | grep . || die "the source of nginx was not found in $dir/$suite"
