# shellcheck shell=bash
# The programs that tests/deploy holds deploy/ and .github/ against: Helm, hadolint, schemas, an SBOM maker.
# Sourced after locked.sh, browser.sh and parts.sh; bash 3.2 is enough.

# prepare_deploy FOLDER: make the environment there unless it is what the lock says; exports
# TEST_HUIYAN_DEPLOY. Stops with the command that helps where systemd's own checker is missing.
prepare_deploy() {
    prepare_locked "$1" "$root/requirements-deploy.lock" "the checks of deploy/" " deploy/ 的检查工具"
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
    TEST_HUIYAN_DEPLOY=$1
    export TEST_HUIYAN_DEPLOY
}
