#!/bin/bash
#
# misc/nginx-source.sh DIR [SUITE]
#
# Fetches Debian's source of nginx, unpacks it under DIR and prints the
# source tree's path.  The archive is the one that this machine's apt uses;
# apt itself checks the signatures, in a folder of its own below DIR.

set -euo pipefail

cd "$(dirname "$0")/.."
. misc/common.sh


[ $# -ge 1 ] || die "usage: $0 DIR [SUITE]"

mkdir -p "$1"
dir=$(realpath "$1")

# shellcheck source=/dev/null
here=$(. /etc/os-release && printf '%s' "${VERSION_CODENAME:-stable}")
suite=${2:-$here}

found() {
    find "$dir/$suite" -maxdepth 2 -name configure -path '*/nginx-*' \
        -printf '%h\n' 2>/dev/null | sort | tail -n 1
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
        apt-get "${apt_options[@]}" source nginx
    ) >&2
fi

found | grep . || die "the source of nginx was not found in $dir/$suite"
