# shellcheck shell=bash
# The programs that tests/deploy holds deploy/ and .github/ against: Helm, hadolint, schemas, an SBOM maker.
# Sourced after python.sh, mirrors.sh, browser.sh and parts.sh; bash 3.2 is enough.

# prepare_deploy FOLDER: make the environment there unless it is what the lock says; exports
# HUIYAN_TEST_DEPLOY. Stops with the command that helps where systemd's own checker is missing.
prepare_deploy() {
    local folder=$1 new=$1.new.$$ lock=$root/requirements-deploy.lock
    log=${log:-$folder.log} venv=${venv:-$folder}
    if ! cmp -s "$lock" "$folder/deploy.lock"; then
        [ -n "${python_for_venv:-}" ] || find_python
        if has_uv; then uv=uv; else find_uv; fi
        honour_mirrors "$python"
        rm -rf "$folder".new.*
        run_step "Making an environment for the checks of deploy/" "正在为 deploy/ 的检查创建环境" \
            "$uv" venv --quiet --python "$python_for_venv" --relocatable "$new"
        run_step "Installing them, checked by their hashes" "正在安装（校验哈希）" \
            "$uv" pip install --python "$new/bin/python" --require-hashes --compile-bytecode --requirements "$lock"
        cp "$lock" "$new/deploy.lock"
        rm -rf "$folder"
        mv "$new" "$folder"
    fi
    if [ "$(uname)" = Linux ] && ! command -v systemd-analyze >/dev/null; then
        if command -v apt-get >/dev/null && [ "$(id -u)" -eq 0 ]; then
            export DEBIAN_FRONTEND=noninteractive
            run_step "Fetching the list of system packages" "正在获取系统软件包列表" apt-get update
            run_step "Installing systemd's checker" "正在安装 systemd 的检查工具" \
                apt-get install -y --no-install-recommends systemd
        else
            explain_missing systemd
        fi
    fi
    HUIYAN_TEST_DEPLOY=$folder
    export HUIYAN_TEST_DEPLOY
}
