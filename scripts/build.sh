#!/bin/sh
# Build one kind of Pyston and put the products in place.
#
#   scripts/build.sh [release|debug|asan|ubsan|clang] [OUTPUT_FOLDER]
#
# The output folder is build/ for release and build/KIND/ for the others; in it:
#   bin/pyston3      the executable
#   python/          for PYTHONPATH: the extension module and the package `pyston`
#   autoload/        for PYTHONPATH as well: loads the engine at start-up
#   meson/           meson's own folder, where `ninja` builds the unit tests too
# Used by the Makefile and by ./pyston3. Several at once wait for one another; products are put
# in place by renaming, so programs that run from them are not disturbed.
set -eu

kind=${1:-release}
root=$(cd "$(dirname "$0")/.." && pwd -P)
case $kind in
    release) out=${2:-$root/build} options= ;;
    debug) out=${2:-$root/build/debug} options='--buildtype=debug -Db_ndebug=false' ;;
    asan) out=${2:-$root/build/asan} options='--buildtype=debugoptimized -Db_ndebug=false -Db_sanitize=address' ;;
    ubsan) out=${2:-$root/build/ubsan} options='--buildtype=debugoptimized -Db_ndebug=false -Db_sanitize=undefined' ;;
    clang)
        out=${2:-$root/build/clang} options=
        CC=$(command -v clang-14 || echo clang)
        export CC
        ;;
    *)
        echo "build.sh: unknown kind '$kind'; there are release, debug, asan, ubsan, clang" >&2
        exit 2
        ;;
esac

# The system's meson, ninja and compiler before those of a virtual environment, pyenv or conda.
case :$PATH: in
    *:/usr/bin:*)
        PATH=/usr/bin:/bin:$PATH
        export PATH
        ;;
esac

mkdir -p "$out"
exec 9>"$out/.lock"
flock 9

# Meson notices changed build files by itself, but not a unit test that was added.
listing=$(cd "$root" && echo tests/unit/test_*.c)
if [ ! -f "$out/meson/build.ninja" ]; then
    rm -rf "$out/meson"
    # shellcheck disable=SC2086
    meson setup $options "$out/meson" "$root" >&2
    printf '%s\n' "$listing" >"$out/.listing"
elif [ "$listing" != "$(cat "$out/.listing" 2>/dev/null)" ]; then
    meson setup --reconfigure "$out/meson" "$root" >&2
    printf '%s\n' "$listing" >"$out/.listing"
fi
ninja -C "$out/meson" ${JOBS:+-j"$JOBS"} products >&2

# place SOURCE TARGET: copy unless equal, by renaming.
place() {
    cmp -s "$1" "$2" && return
    mkdir -p "$(dirname "$2")"
    cp "$1" "$2.new.$$"
    mv -f "$2.new.$$" "$2"
}

for file in "$out"/meson/_pyston.*.so; do
    place "$file" "$out/python/${file##*/}"
done
for file in "$root"/src/module/pyston/*.py; do
    place "$file" "$out/python/pyston/${file##*/}"
done
place "$root/src/module/pyston/startup/sitecustomize.py" "$out/python/pyston/startup/sitecustomize.py"
place "$root/src/module/autoload/sitecustomize.py" "$out/autoload/sitecustomize.py"
# Compiling the autoload at each start, where nothing may be written beside it, costs more than all
# the rest of the engine's start: the compiler makes the classes of `ast` first.
/usr/bin/python3.11 -I -m compileall -q "$out/python/pyston" "$out/autoload" || true
# Last: ./pyston3 takes the executable for the sign of a finished build.
place "$out/meson/src/launcher/pyston3" "$out/bin/pyston3"
