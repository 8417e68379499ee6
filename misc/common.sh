# shellcheck shell=bash
# Sourced by the scripts beside it, which run from the project's top.

: "${BUILD:=build}"
: "${CC:=cc}"
: "${NGINX_SRC:=/usr/share/nginx/src}"

# Where Debian keeps nginx; a user's PATH often lacks it.  Where deps.sh puts
# what it unpacks.
PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin:$(realpath -m -- "$BUILD")/tools

export LC_ALL=C.UTF-8 PATH


die() {
    printf '%s: %s\n' "${0##*/}" "$*" >&2
    exit 1
}


have() {
    command -v "$1" >/dev/null 2>&1
}


# in_group COMMAND ...: its status; all that it starts ends when this script is
# told to end, as the shell alone does not see to.
in_group() {
    local status group ended=

    set -m
    "$@" &
    group=$!
    set +m

    trap 'ended=1; kill -TERM -- "-$group" 2>/dev/null' TERM INT HUP

    # a signal ends the wait as well
    while :; do
        status=0
        wait "$group" || status=$?
        kill -0 "$group" 2>/dev/null || break
    done

    trap - TERM INT HUP
    [ -z "$ended" ] || exit 1

    return "$status"
}


# The pid of a demo that runs in folder $1; nothing, and a failure, if the
# file of its pid was left by one that is gone, whoever has the pid now.
demo_pid() {
    local pid

    [ -s "$1/nginx.pid" ] || return 1
    read -r pid <"$1/nginx.pid" || return 1
    [[ $pid =~ ^[0-9]+$ ]] || return 1

    tr '\0' ' ' 2>/dev/null <"/proc/$pid/cmdline" \
        | grep -qF -- "nginx -p $1 " || return 1

    printf '%s\n' "$pid"
}


# The nginx to run: NGINX_BIN, or the one on the path.
find_nginx() {
    local nginx

    nginx=$(command -v "${NGINX_BIN:-nginx}") \
        || die "there is no nginx \"${NGINX_BIN:-nginx}\": run \"make deps\"," \
               "or name one with NGINX_BIN="

    printf '%s\n' "$(realpath -s "$nginx")"
}


# The configure of nginx's source tree $1: its releases have it at the top, its
# repository in auto.
find_configure() {
    local configure

    for configure in "$1/configure" "$1/auto/configure"; do
        if [ -x "$configure" ]; then
            printf '%s\n' "$configure"
            return
        fi
    done

    return 1
}


# A port P on which nobody listens, nor on P + 1 ... P + 9; below the range
# from which the kernel takes ports for outgoing connections.
free_port() {
    perl -MIO::Socket::INET -e '
        my ($from, $to) = split /-/, $ENV{SECTOR_PORTS} || "10000-31999";

        for (1 .. 200) {
            my $port = $from + 10 * int rand(($to + 1 - $from) / 10);
            my @held = map {
                IO::Socket::INET->new(Listen => 1, LocalAddr => "0.0.0.0",
                                      LocalPort => $_, Proto => "tcp")
            } $port .. $port + 9;

            next if grep { !defined } @held;

            print "$port\n";
            exit 0;
        }

        die "no free port found\n"'
}


# The address of the archive that this machine's own apt uses, e.g. of
# release "bookworm"; needs the lists of an "apt-get update".
apt_archive() {
    # shellcheck disable=SC2016  # apt expands it
    apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' \
        'Component: main' "Codename: $1" 2>/dev/null \
        | sort -u | grep -v -m 1 security
}


# The options that make apt work in a folder of its own: it neither changes
# nor reads the machine's lists, sources and pins.
#     apt_private DIR TYPE URI SUITE   fills the array apt_options
apt_private() {
    local dir=$1 keyring=/usr/share/keyrings/debian-archive-keyring.gpg

    mkdir -p "$dir"/{lists/partial,archives/partial,sources}

    {
        printf 'Types: %s\nURIs: %s\nSuites: %s\nComponents: main\n' \
            "$2" "$3" "$4"
        [ ! -e "$keyring" ] || printf 'Signed-By: %s\n' "$keyring"
    } >"$dir/sources/private.sources"

    # shellcheck disable=SC2034  # for the one who sources this file
    apt_options=(
        -q
        -o Dir::Etc::SourceList=/dev/null
        -o Dir::Etc::SourceParts="$dir/sources"
        -o Dir::Etc::Preferences=/dev/null
        -o Dir::Etc::PreferencesParts=/dev/null
        -o Dir::State::Lists="$dir/lists"
        -o Dir::Cache="$dir"
        -o Dir::Cache::Archives="$dir/archives"
        -o Acquire::Languages=none
        -o APT::Sandbox::User=root
    )
}
