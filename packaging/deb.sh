#!/bin/bash
# Build Debian packages of pyston3 and of its debug symbols into dist/ (make deb).
#
# The recipe is packaging/debian/. It builds on the release that this runs on, Debian 12 or another that carries
# Python 3.11; what differs between releases is read from the system, and can be set:
#   DEB_SUFFIX   after the version, so that each release's package has a version of its own (deb12, ubuntu22.04)
#   SUITE        the name in the package's changelog (bookworm)
#   DEBFULLNAME, DEBEMAIL   the maintainer, as for Debian's own tools
set -euo pipefail
# shellcheck source=common.sh
. "$(dirname "$0")/common.sh"

begin deb
need dpkg-buildpackage dpkg-dev
need dh debhelper
need_compiler
# The system's tools alone, whatever environment is active.
PATH=/usr/sbin:/usr/bin:/sbin:/bin

# shellcheck source=/dev/null
release=$(. /etc/os-release && case $ID in debian) echo "deb$VERSION_ID" ;; *) echo "$ID$VERSION_ID" ;; esac)
# shellcheck source=/dev/null
SUITE=${SUITE:-$(. /etc/os-release && echo "${VERSION_CODENAME:-unstable}")}
debian_version=$version+${DEB_SUFFIX:-$release}
maintainer="${DEBFULLNAME:-Pyston developers} <${DEBEMAIL:-packages@pyston.invalid}>"

step "copying the source"
source=$work/pyston3-$debian_version
mkdir "$source"
# What meson needs, and what goes in as it is.
tar -C "$root" --exclude='__pycache__' -cf - VERSION CHANGELOG.md LICENSE README.md meson.build meson_options.txt \
    scripts src packaging | tar -C "$source" -xf -
cp -R "$source/packaging/debian" "$source/debian"
license=$(sed '1,/^Copyright/d; /./,$!d; s/^$/./; s/^/ /' "$root/LICENSE")
copyright=$(sed -n 's/^Copyright (c) //p' "$root/LICENSE")
for file in control changelog copyright; do
    text=$(<"$source/debian/$file")
    text=${text//@MAINTAINER@/"$maintainer"}
    text=${text//@VERSION@/"$debian_version"}
    text=${text//@UPSTREAM@/"$version"}
    text=${text//@SUITE@/"$SUITE"}
    text=${text//@DATE@/"$(date -R -u -d "@$SOURCE_DATE_EPOCH")"}
    text=${text//@COPYRIGHT@/"$copyright"}
    text=${text//@LICENSE@/"$license"}
    printf '%s\n' "$text" >"$source/debian/$file"
done
find "$source" -exec touch -h -d "@$SOURCE_DATE_EPOCH" {} +

missing=$(cd "$source" && dpkg-checkbuilddeps 2>&1) ||
    die "${missing#dpkg-checkbuilddeps: error: }: install those with apt-get"

step "building the packages"
# dpkg-buildflags maps paths away by itself, but not where one has a space in it.
export DEB_CFLAGS_APPEND="'-ffile-prefix-map=$source=.'"
(cd "$source" && run_quietly dpkg-buildpackage --build=binary --no-sign)

if command -v lintian >/dev/null; then
    step "checking them with lintian"
    allow=()
    [ "$(id -u)" != 0 ] || allow=(--allow-root)
    run_quietly lintian "${allow[@]}" --fail-on error "$work"/*.changes
    grep '^[EW]:' "$work/log" >&2 || true
else
    say "lintian is not installed, and so the packages are not checked"
fi
finish "$work/pyston3_${debian_version}_amd64.deb" "$work/pyston3-dbgsym_${debian_version}_amd64.deb"
