#!/bin/sh
# Make the virtual environment that the tests, the linters and the benchmarks run from, or another one.
#
#   scripts/venv.sh PYTHON FOLDER [REQUIREMENTS]
#
# REQUIREMENTS is a file in the checkout, requirements-test.txt if not given.
# FOLDER/.ready marks a finished one; the Makefile depends on it.
set -eu

python=$1
folder=$2
requirements=${3:-requirements-test.txt}
root=$(cd "$(dirname "$0")/.." && pwd -P)

if ! "$python" -c 'import venv, ensurepip' 2>/dev/null; then
    echo "venv.sh: $python cannot make virtual environments: apt-get install python3.11-venv" >&2
    exit 1
fi
mkdir -p "$folder"
exec 9>"$folder.lock"
flock 9
rm -f "$folder/.ready"
"$python" -m venv --clear "$folder"
"$folder/bin/python" -m pip install --quiet --disable-pip-version-check \
    -r "$root/$requirements" >&2
touch "$folder/.ready"
