# shellcheck shell=bash
# The clients that tests/clients runs against the gateway: LangChain and llm in a Python environment of
# their own, OpenAI's SDK for JavaScript beside its program. Sourced after python.sh, mirrors.sh and
# parts.sh; bash 3.2 is enough.

# prepare_clients FOLDER: make the environment there unless it is what the lock says; exports
# HUIYAN_TEST_CLIENTS. Needs `use_environment` first, for npm.
prepare_clients() {
    local folder=$1 new=$1.new.$$ lock=$root/requirements-clients.lock
    log=${log:-$folder.log} venv=${venv:-$folder}
    if ! cmp -s "$lock" "$folder/clients.lock"; then
        [ -n "${python_for_venv:-}" ] || find_python
        if has_uv; then uv=uv; else find_uv; fi
        honour_mirrors "$python"
        rm -rf "$folder".new.*
        run_step "Making an environment for other people's clients" "正在为其他客户端创建环境" \
            "$uv" venv --quiet --python "$python_for_venv" --relocatable "$new"
        run_step "Installing the clients, checked by their hashes" "正在安装客户端（校验哈希）" \
            "$uv" pip install --python "$new/bin/python" --require-hashes --compile-bytecode --requirements "$lock"
        cp "$lock" "$new/clients.lock"
        rm -rf "$folder"
        mv "$new" "$folder"
    fi
    install_javascript_client
    HUIYAN_TEST_CLIENTS=$folder
    export HUIYAN_TEST_CLIENTS
}

# As npm's own record of what is installed is newer than the lock, there is nothing to do.
install_javascript_client() (
    cd "$root/tests/clients/js"
    [ node_modules/.package-lock.json -nt package-lock.json ] || npm ci --no-audit --no-fund
)
