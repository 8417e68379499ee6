#!/bin/bash
#
# Removes BUILD, but nothing of a demo that runs there.

set -euo pipefail

cd "$(dirname "$0")/.."
. misc/common.sh


pidfile=$BUILD/run/nginx.pid

if [ -s "$pidfile" ] && kill -0 "$(cat "$pidfile")" 2>/dev/null; then
    die "the demo is running (pid $(cat "$pidfile")): end it first"
fi

case $(realpath -m "$BUILD") in
    / | "$HOME" | "$PWD") die "BUILD=$BUILD is not a folder to remove" ;;
esac

if grep -q " $(realpath -m "$BUILD")/bare/" /proc/mounts 2>/dev/null; then
    die "something is mounted below $BUILD/bare: is bare-test running?"
fi

rm -rf "$BUILD" t/servroot
