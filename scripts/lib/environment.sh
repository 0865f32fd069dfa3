# shellcheck shell=bash
# Make, or find as it is, a Python environment with huiyan installed from this checkout.
# Sourced by start_all.sh and test_all.sh, which set `root` (the checkout); bash 3.2 is enough.
#
# An environment is made under a temporary name and renamed when it is whole: being stopped at any
# point leaves the old one or none. Its stamp holds a digest over everything that it was made
# from; while that is unchanged, nothing is done.

. "$root/scripts/lib/words.sh"
. "$root/scripts/lib/mirrors.sh"
. "$root/scripts/lib/python.sh"

# prepare_environment NAME LOCK_FILE…: sets `venv`. HUIYAN_VENV overrides where it is.
prepare_environment() {
    local name=$1
    shift
    choose_place "$name"
    local digest
    digest=$(digest_of_sources "$@")
    is_prepared "$digest" && return

    mkdir -p "$(dirname "$venv")"
    : >"$log" 2>/dev/null || stop "$EXIT_REFUSED" \
        "Cannot write to $(dirname "$venv"). Set HUIYAN_VENV to a folder of your own." \
        "无法写入 $(dirname "$venv")。请把 HUIYAN_VENV 设为您可写的目录。"
    find_python
    wait_for_others
    if is_prepared "$digest"; then # somebody else made it meanwhile
        exec 9>&-
        return
    fi

    local begin=$SECONDS
    trap 'interrupted' INT TERM HUP
    trap 'remove_leftovers' EXIT
    remove_leftovers
    say "Preparing $venv (once; later starts skip this)." "正在准备 $venv（仅需一次，之后启动会跳过）。"
    find_uv
    honour_mirrors "$python"
    install_all "$digest" "$@"
    trap - INT TERM HUP EXIT
    exec 9>&- # let others go on
    say "Prepared in $((SECONDS - begin)) s." "准备完成，用时 $((SECONDS - begin)) 秒。"
    # Hints name the program by its bare name, which is on nobody's PATH yet.
    say "Where a hint says huiyan: \"$venv/bin/huiyan\"" "提示里的 huiyan 就是：\"$venv/bin/huiyan\""
}

choose_place() {
    if [ -n "${HUIYAN_VENV:-}" ]; then
        case "$HUIYAN_VENV" in
        /*) venv=$HUIYAN_VENV ;;
        *) venv=$PWD/$HUIYAN_VENV ;;
        esac
    elif [ -w "$root" ]; then
        venv=$root/$1
    else
        local data=${XDG_DATA_HOME:-$HOME/.local/share}
        [ "$(uname)" != Darwin ] || data="$HOME/Library/Application Support"
        # One per checkout: the checksum of its path tells them apart.
        venv=$data/huiyan/environments/$(printf '%s' "$root" | cksum | cut -d' ' -f1)/$1
    fi
    log=$venv.log
    # The program refuses HUIYAN_ variables that it does not know; PYTHON* ones would leak other packages in.
    unset HUIYAN_VENV PYTHONHOME PYTHONPATH VIRTUAL_ENV
}

# is_prepared DIGEST: nothing to do? An environment without a stamp was made by somebody else.
is_prepared() {
    if [ -f "$venv/huiyan.stamp" ]; then
        [ -x "$venv/bin/python" ] && [ "$(cat "$venv/huiyan.stamp")" = "$1" ]
    elif [ -x "$venv/bin/huiyan" ]; then
        say "Using $venv as it is: it was not made by this script." "直接使用 $venv：它不是由本脚本创建的。"
    elif [ -e "$venv" ]; then
        stop "$EXIT_REFUSED" \
            "$venv was not made by this script and has no huiyan in it. Remove it, or set HUIYAN_VENV to another place." \
            "$venv 不是由本脚本创建的，其中也没有 huiyan。请删除它，或把 HUIYAN_VENV 设为其他位置。"
    else
        return 1
    fi
}

# digest_of_sources FILE…: over the bytes of what an installation is made from. The model files count by
# size alone, which keeps this fast; the start checks their bytes.
digest_of_sources() {
    local sum="sha256sum"
    command -v sha256sum >/dev/null || sum="shasum -a 256"
    (
        cd "$root" || exit
        {
            find "$@" requirements-build.lock pyproject.toml hatch_build.py scripts/lib src/huiyan web \
                \( -name node_modules -o -name __pycache__ -o -name coverage -o -name dist -o -path src/huiyan/static \) \
                -prune -o -type f ! -name '*.gguf' ! -name '.static-stamp.*' -exec $sum {} + | LC_ALL=C sort
            find src/huiyan -name '*.gguf' -exec wc -c {} + | LC_ALL=C sort
        } | $sum
    )
}

install_all() { # DIGEST LOCK_FILE…
    local new=$venv.new.$$ digest=$1 locks=() file
    shift
    for file in "$@"; do locks+=(--requirements "$root/$file"); done
    run_step "[1/4] Making the environment" "[1/4] 正在创建环境" \
        "$uv" venv --quiet --relocatable --python "${python_for_venv}" "$new"
    run_step "[2/4] Fetching and installing the packages, checked by their hashes" "[2/4] 正在下载并安装软件包（校验哈希）" \
        "$uv" pip install --python "$new/bin/python" --require-hashes --compile-bytecode "${locks[@]}"
    run_step "[3/4] Building the page and the package" "[3/4] 正在构建网页和软件包" \
        "$uv" build --wheel --python "$new/bin/python" --build-constraints "$root/requirements-build.lock" \
        --require-hashes --out-dir "$new/wheel" "$root"
    run_step "[4/4] Installing huiyan" "[4/4] 正在安装 huiyan" \
        "$uv" pip install --python "$new/bin/python" --no-index --no-deps --no-cache \
        --compile-bytecode "$new"/wheel/*.whl
    rm -rf "$new/wheel"
    printf '%s\n' "$digest" >"$new/huiyan.stamp"
    [ ! -e "$venv" ] || mv "$venv" "$venv.old.$$"
    mv "$new" "$venv"
    remove_leftovers
}

remove_leftovers() {
    rm -rf "$venv".new.* "$venv".old.*
}

interrupted() {
    trap - INT TERM HUP
    if [ -n "${running_pid:-}" ]; then
        kill -TERM -- "-$running_pid" 2>/dev/null || true
        wait "$running_pid" 2>/dev/null || true
    fi
    printf '\n' >&2
    stop "$EXIT_INTERRUPTED" "Stopped. Running this again is safe." "已停止。可以放心地重新运行。"
}

# Only one script prepares at a time. The lock is on file descriptor 9 of this shell: it goes with
# the shell, however that dies. (macOS has no flock command; every Python has the call.)
wait_for_others() {
    exec 9>>"$venv.lock"
    if ! "$python" -c 'import fcntl; fcntl.flock(9, fcntl.LOCK_EX | fcntl.LOCK_NB)' 2>/dev/null; then
        say "Another run is preparing $venv; waiting for it." "另一个进程正在准备 $venv，等待中。"
        "$python" -c 'import fcntl; fcntl.flock(9, fcntl.LOCK_EX)' 2>/dev/null || exit "$EXIT_INTERRUPTED"
    fi
}
