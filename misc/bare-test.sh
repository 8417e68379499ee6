#!/bin/bash
#
# Does "make test" set up all it needs?  Makes a minimal Debian in a folder,
# clones HEAD into it, and runs "make test" there, then "make run" and asks it
# for a sector.  Needs root and debootstrap; takes some minutes.
#
#     SUITE=bookworm      which Debian
#     KEEP=1              leaves the folder, unmounted, for a look
#
# Files that are not committed are not in the clone, as for a new user.

set -euo pipefail

cd "$(dirname "$0")/.."
. misc/common.sh


suite=${SUITE:-bookworm}
project=$(basename "$PWD")
bare=$(realpath -m "$BUILD/bare")
root=$bare/root
mounts=(proc dev dev/shm dev/pts)
runner=


unmount() {
    local i

    for ((i = ${#mounts[@]} - 1; i >= 0; i--)); do
        if mountpoint -q "$root/${mounts[i]}"; then
            umount "$root/${mounts[i]}" || return 1
        fi
    done
}


cleanup() {
    trap - EXIT

    if [ -n "$runner" ] && kill -0 "$runner" 2>/dev/null; then
        kill -TERM "$runner" 2>/dev/null || :
        wait "$runner" 2>/dev/null || :
    fi

    if ! unmount; then
        echo "bare-test: $root is still mounted, it stays" >&2
        return
    fi

    [ -n "${KEEP:-}" ] || rm -rf --one-file-system "$bare"
}


in_root=(
    chroot "$root" env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root
    TERM=dumb LANG=C.UTF-8
    ${http_proxy:+http_proxy="$http_proxy"}
    ${https_proxy:+https_proxy="$https_proxy"}
)

# the registry that this machine's npm uses, and whom it trusts
authorities=

if have npm; then
    in_root+=(npm_config_registry="$(npm config get registry 2>/dev/null)")
    authorities=$(npm config get cafile 2>/dev/null)
fi

if [ -f "$authorities" ]; then
    in_root+=(npm_config_cafile=/etc/npm-authorities.pem)
else
    authorities=
fi


# This machine's archives of that suite, and its apt's settings.
copy_apt_settings() {
    local name

    # shellcheck disable=SC2016  # apt expands it
    apt-get indextargets --format 'deb $(REPO_URI) $(RELEASE) $(COMPONENT)' \
        'Created-By: Packages' \
        | grep -E " $suite(-updates|-security)? " | sort -u \
        >"$root/etc/apt/sources.list"

    for name in apt.conf.d auth.conf.d trusted.gpg.d; do
        [ -d "/etc/apt/$name" ] || continue
        cp -an "/etc/apt/$name/." "$root/etc/apt/$name/"
    done

    cp -L /etc/resolv.conf /etc/hosts "$root/etc/"

    [ -z "$authorities" ] \
        || cp -L "$authorities" "$root/etc/npm-authorities.pem"
}


wait_for_demo() {
    local try

    for try in {1..600}; do
        kill -0 "$runner" 2>/dev/null || return 1

        if curl -s -f -o /dev/null "$1"; then
            return 0
        fi

        sleep 0.5
    done

    echo "bare-test: no answer after $try tries" >&2
    return 1
}


[ "$(id -u)" = 0 ] || die "needs root: a chroot"
[ ! -e "$root" ] || die "$root is there from an earlier run: look, remove it"
git rev-parse -q --verify HEAD >/dev/null || die "there is no commit to clone"

archive=$(apt_archive "$suite") || die "apt knows of no main archive of $suite"

mkdir -p "$bare"
trap cleanup EXIT
trap 'exit 130' INT TERM

echo "== bare-test: a minimal $suite"
debootstrap --variant=minbase "$suite" "$root" "$archive" \
    >"$bare/debootstrap.log"

copy_apt_settings

mkdir -p "$root/src"
git clone -q . "$root/src/$project"
[ ! -d ../shared ] || cp -a ../shared "$root/src/shared"

mount -t proc proc "$root/proc"
mount --bind /dev "$root/dev"
mount --bind /dev/shm "$root/dev/shm"
mount --bind /dev/pts "$root/dev/pts"

"${in_root[@]}" apt-get -q update
"${in_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -y -q install \
    --no-install-recommends make git ca-certificates

echo "== bare-test: make test"
status=0
"${in_root[@]}" make -C "/src/$project" test || status=$?

echo "== bare-test: make run"
port=$(free_port)
url=http://127.0.0.1:$port/api/v1/sectors/XLK

"${in_root[@]}" make -C "/src/$project" run PORT="$port" \
    UPSTREAM_PORT=$((port + 1)) &
runner=$!

if wait_for_demo "$url"; then
    curl -s -i "$url"
    echo
else
    echo "bare-test: the demo did not answer"
    status=1
fi

[ $status -eq 0 ] || die "FAILED"

echo "bare-test: ok"
