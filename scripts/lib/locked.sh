# shellcheck shell=bash
# Environments made from one lock file, beside the one with huiyan. Sourced after python.sh and mirrors.sh;
# bash 3.2 is enough.

# prepare_locked FOLDER LOCK ENGLISH CHINESE: make the environment there unless it is what the lock says.
# The words say what for.
prepare_locked() {
    local folder=$1 lock=$2 new=$1.new.$$
    ! cmp -s "$lock" "$folder/made-from.lock" || return 0
    log=${log:-$folder.log} venv=${venv:-$folder}
    mkdir -p "$(dirname "$folder")"
    [ -n "${python_for_venv:-}" ] || find_python
    if has_uv; then uv=uv; else find_uv; fi
    honour_mirrors "$python"
    rm -rf "$folder".new.*
    run_step "Making an environment for $3" "正在为$4创建环境" \
        "$uv" venv --quiet --python "$python_for_venv" --relocatable "$new"
    run_step "Installing $3, checked by their hashes" "正在安装$4（校验哈希）" \
        "$uv" pip install --python "$new/bin/python" --require-hashes --compile-bytecode --requirements "$lock"
    cp "$lock" "$new/made-from.lock"
    rm -rf "$folder"
    mv "$new" "$folder"
}
