# shellcheck shell=bash
# Find Python and uv on this machine, or uv from the Python index. Sourced; bash 3.2 is enough.

# The first that knows UV_SYSTEM_CERTS (mirrors.sh).
OLDEST_UV="0.11"

# find_python: sets `python` (any Python 3, for locking and fetching uv) and `python_for_venv`
# (3.11 to 3.14: what the locked packages have builds for; else a version for uv to find).
find_python() {
    local candidate
    python='' python_for_venv=3.12
    for candidate in python3.13 python3.12 python3.11 python3.14 python3 python; do
        candidate=$(command -v "$candidate" 2>/dev/null) || continue
        # A version manager's stand-in exists even where that version does not.
        "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 8))' 2>/dev/null || continue
        python=${python:-$candidate}
        if "$candidate" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 14))'; then
            python=$candidate python_for_venv=$candidate
            return
        fi
    done
    # uv brings a Python of its own, where it can fetch one.
    if [ -n "$python" ]; then
        say "$("$python" --version 2>&1) is too old; uv fetches a newer one." \
            "$("$python" --version 2>&1) 版本过低，将由 uv 下载新版本。"
        return
    fi
    if has_uv; then
        python=$(uv python find --no-project '>=3.11,<3.15' 2>/dev/null) && python_for_venv=$python && return
        say "No Python was found; uv fetches one." "没有找到 Python，将由 uv 下载。"
        uv python install 3.12 >>"$log" 2>&1 && python=$(uv python find --no-project 3.12) &&
            python_for_venv=$python && return
    fi
    no_python
}

no_python() {
    local remedy
    remedy=$(package_command "python3 python3-venv" "python3" "python@3.12")
    stop "$EXIT_REFUSED" "Python 3.11 or newer is needed, and none was found. Install it, then run this again:
    $remedy" "需要 Python 3.11 或更新版本，但没有找到。请安装后重新运行：
    $remedy"
}

# package_command APT RPM BREW: how packages are installed on this machine.
package_command() {
    local sudo=''
    [ "$(id -u)" -eq 0 ] || sudo='sudo '
    if command -v apt-get >/dev/null; then
        printf '%s' "${sudo}apt-get update && ${sudo}apt-get install -y $1"
    elif command -v dnf >/dev/null; then
        printf '%s' "${sudo}dnf install -y $2"
    elif command -v yum >/dev/null; then
        printf '%s' "${sudo}yum install -y $2"
    elif command -v brew >/dev/null || [ "$(uname)" = Darwin ]; then
        printf '%s' "brew install $3"
    else
        in_words "the package manager of this system: $2" "使用本系统的包管理器安装：$2"
    fi
}

has_uv() {
    local version
    version=$(uv --version 2>/dev/null) || return 1
    version=${version#uv }
    version=${version%% *}
    # Sorted by version, the older one comes first.
    [ "$(printf '%s\n%s\n' "$OLDEST_UV" "$version" | sort -t. -k1,1n -k2,2n -k3,3n | head -n 1)" = "$OLDEST_UV" ]
}

# find_uv: sets `uv`: the user's own if it is new enough, else the locked one from the Python index.
find_uv() {
    if has_uv; then
        uv=uv
        return
    fi
    local place=$venv.uv
    uv=$place/bin/uv
    if [ -x "$uv" ] && cmp -s "$root/scripts/bootstrap.lock" "$place/bootstrap.lock"; then return; fi
    rm -rf "$place"
    honour_mirrors "$python"
    if "$python" -m pip --version >/dev/null 2>&1; then
        # Into a folder of its own: the system's packages stay as they are.
        run_step "[0/4] Fetching uv, which installs the rest" "[0/4] 正在下载安装工具 uv" \
            "$python" -m pip install --disable-pip-version-check --no-deps --require-hashes --only-binary :all: \
            --target "$place" --requirement "$root/scripts/bootstrap.lock"
    elif "$python" -c 'import ensurepip, venv' 2>/dev/null; then
        run_step "[0/4] Making a place for uv, which installs the rest" "[0/4] 正在为安装工具 uv 创建环境" \
            "$python" -m venv "$place"
        run_step "[0/4] Fetching uv" "[0/4] 正在下载 uv" \
            "$place/bin/python" -m pip install --disable-pip-version-check --no-deps --require-hashes \
            --only-binary :all: --requirement "$root/scripts/bootstrap.lock"
    else
        local remedy
        remedy=$(package_command python3-venv python3-pip uv)
        stop "$EXIT_REFUSED" "$python can install nothing: it has neither pip nor venv. Install them, then run this again:
    $remedy" "$python 缺少 pip 和 venv，无法安装软件包。请安装后重新运行：
    $remedy"
    fi
    cp "$root/scripts/bootstrap.lock" "$place/bootstrap.lock"
}
