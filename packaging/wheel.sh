#!/bin/bash
# Build the wheels `pyston` and `pyston-autoload` and the source distribution into dist/ (make wheel).
#
# meson-python builds them from pyproject.toml, auditwheel finds the oldest glibc that the symbols allow and
# puts it into the name. Both run in the environment that packaging/requirements.txt pins.
set -euo pipefail
# shellcheck source=common.sh
. "$(dirname "$0")/common.sh"

begin wheel
need_compiler
need strip binutils
need_tools
map_paths "$work/meson"

# build OPTION... FOLDER: one distribution, quietly unless it fails.
build() {
    run_quietly python -m build --no-isolation --outdir "$work/built" "$@"
}

step "building the wheel"
build --wheel -Cbuild-dir="$work/meson" "$root"
step "building the autoload's wheel"
build --wheel "$root/packaging/autoload"

step "checking the wheel with auditwheel"
run_quietly auditwheel -v repair --strip --wheel-dir "$work/checked" "$work"/built/pyston-"$version"-*.whl
wheel=$(echo "$work"/checked/pyston-"$version"-cp311-cp311-manylinux_*_x86_64.whl)
newest=$(sed 's/.*-manylinux_2_\([0-9]*\)_x86_64.*/\1/' <<<"$wheel")
if ! [ "$newest" -le 36 ]; then
    die "auditwheel made ${wheel##*/}, and the oldest system to run on is Debian 12 (glibc 2.36)"
fi
files=("$wheel" "$work/built/pyston_autoload-$version-py3-none-any.whl")

if [ -e "$root/.git" ]; then
    step "packing the source"
    build --sdist "$root"
    # Once more, for gzip writes the time and the name into the file.
    gzip -dc "$work/built/pyston-$version.tar.gz" | gzip -n9 >"$work/pyston-$version.tar.gz"
    files+=("$work/pyston-$version.tar.gz")
else
    say "no source distribution: that is packed from a git checkout"
fi
finish "${files[@]}"
