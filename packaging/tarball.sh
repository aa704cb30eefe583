#!/bin/bash
# Build the relocatable archive pyston3-VERSION-linux-x86_64.tar.xz into dist/ (make tarball).
#
# In it: pyston3, linked so that it looks for its library beside itself; Debian's standard library for it, adapted to
# lie anywhere (tarball/stdlib.patch); the shared libraries that its modules need, found there by $ORIGIN; headers; pip.
set -euo pipefail
# shellcheck source=common.sh
. "$(dirname "$0")/common.sh"

begin tarball
need_compiler
[ "$("$PYTHON" -c 'import sysconfig; print(sysconfig.get_path("stdlib"))')" = /usr/lib/python3.11 ] ||
    die "the archive is made of Debian's own Python 3.11, and $PYTHON is another: make tarball, without PYTHON="
need strip binutils
need patch patch
need xz xz-utils
need dpkg-query 'dpkg, on a Debian system: the standard library is taken from its packages'
need_tools
map_paths "$work/meson"

name=pyston3-$version-linux-x86_64
tree=$work/$name
lib=$tree/lib/python3.11
dynload=$lib/lib-dynload

# Debian's packages whose files go in; what else lies in their folders stays out.
stdlib_packages=(libpython3.11-minimal libpython3.11-stdlib python3.11-venv python3-distutils python3-lib2to3)
header_packages=(libpython3.11-dev)
for debian in "${stdlib_packages[@]}" "${header_packages[@]}"; do
    dpkg-query -L "$debian" >/dev/null 2>&1 || die "the package $debian is missing: apt-get install $debian"
done

step "collecting the standard library"
# copy_from PREFIX TARGET PACKAGE...: the packages' files below PREFIX.
copy_from() {
    local from=$1 to=$2 file
    shift 2
    dpkg-query -L "$@" | sort -u | while IFS= read -r file; do
        case $file in
            "$from"/*) [ ! -f "$file" ] || install -D -m 644 "$file" "$to/${file#"$from"/}" ;;
        esac
    done
}
copy_from /usr/lib/python3.11 "$lib" "${stdlib_packages[@]}"
copy_from /usr/include/python3.11 "$tree/include/python3.11" "${header_packages[@]}"
copy_from /usr/include/x86_64-linux-gnu/python3.11 "$tree/include/python3.11" "${header_packages[@]}"
# The system's own business: apt's guard, its install layout, its crash reports, another build's values.
rm -f "$lib/EXTERNALLY-MANAGED" "$lib/_distutils_system_mod.py" "$lib/sitecustomize.py" \
    "$lib"/_sysconfigdata_{_linux,d}_*.py
patch --quiet --fuzz=0 --no-backup-if-mismatch -d "$lib" -p1 <"$root/packaging/tarball/stdlib.patch"
cat "$root/packaging/tarball/sysconfigdata.py" >>"$lib/_sysconfigdata__x86_64-linux-gnu.py"

step "building pyston3"
run_quietly meson setup "$work/meson" "$root" -Dpython="$PYTHON" \
    -Drelocatable=true -Dfreeze="$lib/site.py" -Dextension=disabled -Dtests=disabled
run_quietly ninja -C "$work/meson" products
install -D -s -m 755 "$work/meson/src/launcher/pyston3" "$tree/bin/pyston3"
install -m 755 "$root/packaging/tarball/pip-pyston3" "$tree/bin/pip-pyston3"

step "collecting shared libraries"
# Everything that a module loads, but for glibc's own.
find "$dynload" -name '*.so' -exec ldd {} + |
    sed -n 's/^\t\([^ ]*\) => \(\/[^ ]*\) (.*/\1 \2/p' | sort -u |
    grep -v -E '^(libc|libm|libresolv|libdl|librt|libpthread|libutil|ld-linux-x86-64)\.so' >"$work/libraries"
while read -r soname file; do
    install -m 644 "$file" "$tree/lib/$soname"
    patchelf --set-rpath "\$ORIGIN" "$tree/lib/$soname"
done <"$work/libraries"
for module in "$dynload"/*.so; do
    # Not piped: grep -q ends at the first match, and ldd's end by the broken pipe would count as none.
    loads=$(ldd "$module")
    if grep -q -F -f <(cut -d ' ' -f 1 "$work/libraries") <<<"$loads"; then
        patchelf --set-rpath "\$ORIGIN/../.." "$module"
    fi
done
chmod 755 "$dynload"/*.so "$tree"/lib/*.so*

# No file of it may ask for more than Debian 12 has.
newest=$(find "$tree" -type f \( -name '*.so*' -o -name pyston3 \) -exec objdump -T {} + |
    grep -o 'GLIBC_2\.[0-9]*' | sort -t . -k 2n | tail -n 1)
[ "${newest#GLIBC_2.}" -le 36 ] || die "what was collected needs $newest; build on Debian 12"

step "adding pip"
run_quietly python -m pip download --disable-pip-version-check --quiet --no-deps --only-binary :all: --require-hashes \
    -r "$root/packaging/tarball/requirements.txt" -d "$work/wheels"
install -D -m 644 -t "$lib/ensurepip/_bundled" "$work"/wheels/*.whl
mkdir -p "$lib/site-packages"
"$PYTHON" -I -m zipfile -e "$work"/wheels/pip-*.whl "$lib/site-packages"
chmod -R u=rwX,go=rX "$lib/site-packages"

step "adding documentation and licences"
install -m 644 "$root/packaging/tarball/README.txt" "$tree/README.txt"
install -m 644 "$root/LICENSE" "$tree/LICENSE"
install -D -m 644 "$root/packaging/pyston3.1" "$tree/share/man/man1/pyston3.1"
install -D -m 644 "$root/packaging/pyston3.bash-completion" "$tree/share/bash-completion/completions/pyston3"
# Each part's, as its Debian package has it. Libraries may lie behind a link of /lib to /usr/lib.
{
    printf '%s\n' "${stdlib_packages[@]}" zlib1g libexpat1
    cut -d ' ' -f 2 "$work/libraries" | while read -r file; do
        file=$(realpath "$file")
        dpkg-query -S "$file" "${file#/usr}" 2>/dev/null || true
    done | sed 's/[:,].*//'
} | sort -u | while read -r debian; do
    install -D -m 644 "$(realpath "/usr/share/doc/$debian/copyright")" "$tree/share/doc/$debian/copyright"
done

step "compiling the library to bytecode"
find "$tree" -exec touch -h -d "@$SOURCE_DATE_EPOCH" {} +
# By date: the archive keeps those, and checking a hash instead would cost each start. Files that are not meant to
# compile (lib2to3's tests) do no harm.
SOURCE_DATE_EPOCH='' PYTHONHASHSEED=0 "$PYTHON" -I -m compileall -q -j 1 -s "$tree" --invalidation-mode timestamp \
    -x 'lib2to3/tests|bad_coding|badsyntax' "$lib" >"$work/log" || { cat "$work/log" >&2; exit 1; }

step "packing"
tar --sort=name --mtime="@$SOURCE_DATE_EPOCH" --owner=0 --group=0 --numeric-owner --format=gnu \
    -C "$work" -cf "$work/$name.tar" "$name"
xz -T1 -6 "$work/$name.tar"
finish "$work/$name.tar.xz"
