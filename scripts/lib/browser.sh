# shellcheck shell=bash
# What the browser tests need besides Python: a Chromium, and the two Chinese fonts that test
# pictures are drawn in. Sourced after environment.sh; bash 3.2 is enough.
#
# Where Debian has it, chromium-headless-shell: the same engine without the browser around the page, which
# took more than half of the processor time of a test (docs/decisions/0012).

# prepare_browser: exports TEST_HUIYAN_CHROMIUM, the browser's path. As root, installs what is missing
# from Debian's or Ubuntu's packages; otherwise stops with the command that does.
prepare_browser() {
    local missing=''
    has_font 'wqy-zenhei.tt*' || missing="$missing fonts-wqy-zenhei"
    has_font 'NotoSansCJK-*' || missing="$missing fonts-noto-cjk"
    if command -v apt-get >/dev/null && [ "$(id -u)" -eq 0 ]; then
        install_headless_shell
        find_chromium || missing="chromium$missing"
        [ -z "$missing" ] || install_packages "$missing"
        missing=''
    fi
    find_chromium || missing="chromium$missing"
    [ -z "$missing" ] || explain_missing "$missing"
    export TEST_HUIYAN_CHROMIUM
}

# Where there is a package of it and nobody named another browser; without it the whole browser does, too.
install_headless_shell() {
    [ -z "${TEST_HUIYAN_CHROMIUM:-}" ] || return 0
    ! command -v chromium-headless-shell >/dev/null || return 0
    apt-cache show chromium-headless-shell >/dev/null 2>&1 || update_package_lists
    apt-cache show chromium-headless-shell >/dev/null 2>&1 || return 0
    (install_packages chromium-headless-shell) || true
}

install_packages() { # SEVERAL_NAMES
    update_package_lists
    # shellcheck disable=SC2086 # several packages
    run_step "Installing $1" "正在安装 $1" apt-get install -y --no-install-recommends $1
}

update_package_lists() {
    [ -z "${package_lists_updated:-}" ] || return 0
    package_lists_updated=1
    export DEBIAN_FRONTEND=noninteractive
    run_step "Fetching the list of system packages" "正在获取系统软件包列表" apt-get update
}

find_chromium() {
    local candidate
    # By its own path: Debian's command of that name is a shell script, which would stand between.
    for candidate in "${TEST_HUIYAN_CHROMIUM:-}" /usr/lib/chromium/chromium-headless-shell chromium-headless-shell \
        chromium chromium-browser google-chrome google-chrome-stable \
        "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome" \
        /Applications/Chromium.app/Contents/MacOS/Chromium; do
        [ -n "$candidate" ] || continue
        TEST_HUIYAN_CHROMIUM=$(command -v "$candidate" 2>/dev/null) || continue
        # Ubuntu's package is a stand-in that only points to a snap.
        "$TEST_HUIYAN_CHROMIUM" --version >/dev/null 2>&1 && return
    done
    return 1
}

has_font() { # FILE_NAME_PATTERN
    local folder
    for folder in /usr/share/fonts /usr/local/share/fonts "$HOME/.local/share/fonts" "$HOME/.fonts" \
        /Library/Fonts "$HOME/Library/Fonts"; do
        [ ! -d "$folder" ] || [ -z "$(find -L "$folder" -name "$1" 2>/dev/null | head -n 1)" ] || return 0
    done
    return 1
}

explain_missing() {
    local remedy
    if command -v apt-get >/dev/null; then
        remedy="sudo apt-get update && sudo apt-get install -y $1"
    elif command -v dnf >/dev/null; then
        remedy="sudo dnf install -y chromium wqy-zenhei-fonts google-noto-sans-cjk-fonts"
    else
        remedy="TEST_HUIYAN_CHROMIUM=/path/to/chrome $0 (fonts: wqy-zenhei.ttc, NotoSansCJK-Regular.ttc)"
    fi
    stop "$EXIT_REFUSED" "The tests need what is missing here: $1. Install it, then run this again:
    $remedy" "测试所需的组件缺失：$1。请安装后重新运行：
    $remedy"
}
