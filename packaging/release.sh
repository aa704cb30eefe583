#!/bin/bash
# Build everything that is released, from a clean copy of the last commit, with checksums (make release).
#
# The packages depend on nothing but the commit, the compiler and the Python of the machine: who runs this again gets the
# same bytes. SHA256SUMS names them all; check with `sha256sum -c SHA256SUMS`.
set -euo pipefail
# shellcheck source=common.sh
. "$(dirname "$0")/common.sh"

begin release
need git git
need lintian lintian
git -C "$root" rev-parse --quiet --verify HEAD >/dev/null || die "a release is made of a commit; this is no git checkout"
[ -z "$(git -C "$root" status --porcelain)" ] ||
    die "there are uncommitted changes (git status): commit or stash them; a release is made of a commit"
grep -q "^## $version\b" "$root/CHANGELOG.md" ||
    die "CHANGELOG.md has no section '## $version', the version in VERSION: write it, or mend VERSION"
if grep -q "^## $version (not released)" "$root/CHANGELOG.md"; then
    say "CHANGELOG.md still says that $version is not released"
fi
need_compiler
need_tools

step "copying the last commit"
git clone --quiet --no-hardlinks "$root" "$work/source"
mkdir "$work/out"
for kind in wheel tarball deb; do
    step "building: $kind"
    OUT=$work/out WORK=$work/build PACKAGING_VENV=$venv PYTHON=$PYTHON "$work/source/packaging/$kind.sh" >/dev/null
done

step "computing checksums"
(cd "$work/out" && sha256sum -- * >SHA256SUMS)
finish "$work"/out/*
