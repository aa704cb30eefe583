#!/bin/bash
# Lint the tree, or put its formatting right.
#
#   scripts/lint.sh [--fix] [CHECK...]
#
# Checks: format (clang-format), tidy (clang-tidy), clang (the engine compiles without a warning
# with clang), python (ruff), shell (sh -n, and shellcheck where installed). All without a name.
# --fix formats C and Python files in place. Exits 1 when a check fails, 2 for a missing tool.
set -u
cd "$(dirname "$0")/.." || exit 2

fix=0
if [ "${1:-}" = --fix ]; then
    fix=1
    shift
fi
if [ $# = 0 ]; then
    if [ $fix = 1 ]; then set -- format python; else set -- format tidy clang python shell; fi
fi

# tool NAME...: print the first of the names that is installed.
tool() {
    local name
    for name in "$@"; do
        if command -v "$name"; then return 0; fi
    done
    echo "lint.sh: none of $* is installed" >&2
    return 1
}

mapfile -t c_files < <(git ls-files --cached --others --exclude-standard \
    'src/*.[ch]' 'tests/*.[ch]')
mapfile -t shell_files < <(git ls-files --cached --others --exclude-standard \
    pyston3 .ci/run 'scripts/*.sh' 'benchmarks/*.sh' 'tests/*.sh' 'packaging/*.sh' packaging/pyston3.bash-completion \
    packaging/tarball/pip-pyston3 \
    packaging/debian/pip-pyston3 packaging/debian/pyston3.post*)

lint_format() {
    local program
    program=$(tool clang-format-14 clang-format) || return 2
    if [ $fix = 1 ]; then
        "$program" -i "${c_files[@]}"
    else
        "$program" --dry-run -Werror "${c_files[@]}"
    fi
}

lint_tidy() {
    local program
    program=$(tool clang-tidy-14 clang-tidy) || return 2
    scripts/build.sh release || return 1
    local own=()
    for file in "${c_files[@]}"; do
        # Only what the build compiles has its flags on record.
        if [[ $file == src/*.c ]] && grep -q "/$file\"" build/meson/compile_commands.json; then
            own+=("$file")
        fi
    done
    # One file each: clang-tidy 14 can crash on a second one.
    printf '%s\0' "${own[@]}" |
        xargs -0 -n 1 -P "$(nproc)" "$program" --quiet -p build/meson 2>&1 |
        grep -v 'warnings generated\|^$'
    return "${PIPESTATUS[1]}"
}

lint_clang() {
    tool clang-14 clang >/dev/null || return 2
    scripts/build.sh clang
}

lint_python() {
    local program
    program=$(PATH=$PWD/build/venv/bin:$PATH tool ruff) || return 2
    if [ $fix = 1 ]; then
        "$program" format --quiet . && "$program" check --quiet --fix .
    else
        "$program" format --quiet --check . && "$program" check --quiet .
    fi
}

lint_shell() {
    local file status=0
    for file in "${shell_files[@]}"; do
        case $(head -n 1 "$file") in
            *bash*) bash -n "$file" || status=1 ;;
            *) sh -n "$file" || status=1 ;;
        esac
    done
    if command -v shellcheck >/dev/null; then
        shellcheck --severity=warning --external-sources --source-path=SCRIPTDIR "${shell_files[@]}" || status=1
    fi
    return $status
}

result=0
for check in "$@"; do
    if ! declare -F "lint_$check" >/dev/null; then
        echo "lint.sh: unknown check '$check'; there are format, tidy, clang, python, shell" >&2
        exit 2
    fi
    "lint_$check"
    status=$?
    if [ $status != 0 ]; then
        echo "lint.sh: $check failed" >&2
        if [ $status -gt $result ]; then result=$status; fi
    fi
done
exit $result
