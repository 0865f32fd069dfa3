# shellcheck shell=bash
# What the tests of several gateways need besides Python: PostgreSQL and Valkey or Redis. Sourced after
# environment.sh; bash 3.2 is enough.

# prepare_servers: as root, installs what is missing from Debian's or Ubuntu's packages. Where that is not
# possible it says what will be skipped: those tests skip themselves, with the reason.
prepare_servers() {
    local missing=''
    has_postgres || missing='postgresql'
    has_redis || missing="$missing redis-server"
    [ -n "$missing" ] || return 0
    if command -v apt-get >/dev/null && [ "$(id -u)" -eq 0 ]; then
        export DEBIAN_FRONTEND=noninteractive
        run_step "Fetching the list of system packages" "正在获取系统软件包列表" apt-get update
        # The tests start their own servers: none of the system's is wanted.
        # shellcheck disable=SC2086 # several packages
        run_step "Installing $missing" "正在安装 $missing" \
            env RUNLEVEL=1 apt-get install -y --no-install-recommends $missing
    else
        printf 'Without %s (Debian: apt-get install), tests of several gateways skip themselves.\n' "$missing" >&2
        printf '缺少 %s（Debian：apt-get install），多网关测试将跳过。\n' "$missing" >&2
    fi
}

has_postgres() {
    command -v initdb >/dev/null || [ -n "$(find /usr/lib/postgresql -name initdb 2>/dev/null | head -n 1)" ]
}

has_redis() {
    command -v valkey-server >/dev/null || command -v redis-server >/dev/null
}
