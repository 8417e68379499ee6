#!/bin/bash
#
# Removes BUILD, but nothing of a demo that runs there.

set -euo pipefail

cd "$(dirname "$0")/.."
. misc/common.sh


if pid=$(demo_pid "$(realpath -m "$BUILD/run")"); then
    die "the demo is running (pid $pid): end it first"
fi

case $(realpath -m "$BUILD") in
    / | "$HOME" | "$PWD") die "BUILD=$BUILD is not a folder to remove" ;;
esac

if grep -q " $(realpath -m "$BUILD")/bare/" /proc/mounts 2>/dev/null; then
    die "something is mounted below $BUILD/bare: is bare-test running?"
fi

rm -rf "$BUILD" t/servroot
