# shellcheck shell=bash disable=SC2034,SC2089,SC2090
# What the scripts of this folder share: the version, the date, the tools, and how an end is told. To be sourced.
#
# Variables that a caller may set:
#   OUT      where finished packages go (dist/)
#   WORK     where they are built (build/packaging/)
#   PACKAGING_VENV   the environment of the tools (build/packaging-venv)
#   PYTHON   the Python 3.11 to build with (/usr/bin/python3.11)
# A package appears in OUT when it is finished, by renaming; a failure says while what, and leaves OUT as it was.

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd -P)
OUT=${OUT:-$root/dist}
WORK=${WORK:-$root/build/packaging}
PYTHON=${PYTHON:-/usr/bin/python3.11}
version=$(cat "$root/VERSION")
venv=${PACKAGING_VENV:-$root/build/packaging-venv}
umask 022
export LC_ALL=C TZ=UTC
unset PYTHONPATH PYTHONHOME PYSTON

# What all dates inside packages are: that of the last commit.
if [ -z "${SOURCE_DATE_EPOCH:-}" ]; then
    SOURCE_DATE_EPOCH=$(git -C "$root" log -1 --format=%ct 2>/dev/null || stat -c %Y "$root/VERSION")
fi
export SOURCE_DATE_EPOCH

say() {
    printf '%s: %s\n' "$package" "$*" >&2
}

# What was made so far is of no use to anybody.
clean_up() {
    [ -z "${work:-}" ] || rm -rf "$work"
    rm -f "$OUT"/.new-*-$$
    [ -z "${made_out:-}" ] || rmdir "$OUT" 2>/dev/null || true
}

# die SENTENCE...: end without the general word on failures.
die() {
    say "$*"
    trap - EXIT
    clean_up
    exit 1
}

# begin PACKAGE: from here on a failure is told; $work is an empty folder.
begin() {
    package=$1
    doing='preparing'
    trap 'report $?' EXIT
    mkdir -p "$WORK" && [ -w "$WORK" ] ||
        die "$WORK cannot be written: name a folder that can, WORK=/path make $package"
    [ -d "$OUT" ] || made_out=1
    mkdir -p "$OUT" && [ -w "$OUT" ] ||
        die "$OUT cannot be written: name a folder that can, OUT=/path make $package"
    # One build of a package at a time; the second waits.
    exec 8>"$WORK/.lock-$package" && flock 8
    work=$WORK/$package
    rm -rf "$work"
    mkdir -p "$work"
}

# step DOING: what a failure from here on is said to have happened while.
step() {
    doing=$*
    say "$doing"
}

# The kilobytes free where $1 is.
free_space() {
    df --output=avail "$1" 2>/dev/null | tail -n 1
}

report() {
    local status=$1 folder
    [ "$status" != 0 ] || return 0
    for folder in "$WORK" "$OUT"; do
        if [ "$(free_space "$folder")" -lt 8192 ]; then
            say "the disk that holds $folder is full: free 300 MB there, or name other folders:" \
                "WORK=/path OUT=/path make $package"
            break
        fi
    done
    clean_up
    say "failed while $doing, see above; $OUT is as it was"
}

# Run a command whose output matters only when it fails.
run_quietly() {
    "$@" >"$work/log" 2>&1 || {
        cat "$work/log" >&2
        return 1
    }
}

# need COMMAND_OR_FILE PACKAGE: the second is what to install when the first is missing.
need() {
    case $1 in
        /*) [ -e "$1" ] ;;
        *) command -v "$1" >/dev/null ;;
    esac || die "$1 is missing: apt-get install $2"
}

# What compiles, and refuses what it cannot compile for.
need_compiler() {
    [ "$(uname -s) $(uname -m)" = 'Linux x86_64' ] ||
        die "Pyston runs on x86-64 Linux, and is built there; this machine is $(uname -s) $(uname -m)"
    need gcc 'gcc libc6-dev'
    need "$PYTHON" python3.11
    "$PYTHON" -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))' ||
        die "$PYTHON is $("$PYTHON" -V 2>&1), and Pyston is built with Python 3.11: PYTHON=/path/to/python3.11 make $package"
    need "$("$PYTHON" -c 'import sysconfig; print(sysconfig.get_path("include"))')/Python.h" libpython3.11-dev
}

# The packaging tools, in an environment of their own, on PATH.
need_tools() {
    step "looking for the tools of packaging/requirements.txt"
    if ! cmp -s "$root/packaging/requirements.txt" "$venv/.ready"; then
        "$PYTHON" -c 'import venv, ensurepip' 2>/dev/null ||
            die "$PYTHON cannot make virtual environments: apt-get install python3.11-venv"
        (
            flock 7
            cmp -s "$root/packaging/requirements.txt" "$venv/.ready" && exit
            "$PYTHON" -m venv --clear "$venv" &&
                "$venv/bin/python" -m pip install --quiet --disable-pip-version-check \
                    -r "$root/packaging/requirements.txt" &&
                cp "$root/packaging/requirements.txt" "$venv/.ready"
        ) 7>"$venv.lock" >&2
    fi
    PATH=$venv/bin:$PATH
}

# No path of this machine gets into what is compiled in FOLDER, be it in full or, as meson writes it, seen from there.
map_paths() {
    local path=/usr/src/pyston
    CFLAGS="${CFLAGS:-} '-ffile-prefix-map=$1=$path/build' '-ffile-prefix-map=$root=$path'"
    CFLAGS="$CFLAGS '-ffile-prefix-map=$(realpath -m --relative-to="$1" "$root")=$path'"
    export CFLAGS
}

# finish FILE...: put them into OUT, all of them or none.
finish() {
    local file
    doing="copying to $OUT"
    for file in "$@"; do
        cp "$file" "$OUT/.new-${file##*/}-$$"
    done
    for file in "$@"; do
        mv -f "$OUT/.new-${file##*/}-$$" "$OUT/${file##*/}"
        printf '%s\n' "$OUT/${file##*/}"
    done
    rm -rf "$work"
}
