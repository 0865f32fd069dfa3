# shellcheck shell=bash
# What the scripts say, in the user's language, and how they stop. Sourced; bash 3.2 is enough.
# Everything goes to standard error: standard output belongs to the command that is run in the end.

EXIT_FAILED=1
EXIT_REFUSED=3     # a check refused; the words before it say what mends it
EXIT_INTERRUPTED=4 # stopped half-way; running it again is safe

# in_words ENGLISH CHINESE: print the one that the user reads.
in_words() {
    case "${LC_ALL:-${LC_MESSAGES:-${LANG:-}}}" in
    zh*) printf '%s' "$2" ;;
    *) printf '%s' "$1" ;;
    esac
}

# say ENGLISH CHINESE
say() {
    in_words "$@" >&2
    printf '\n' >&2
}

# stop EXIT_CODE ENGLISH CHINESE
stop() {
    say "$2" "$3"
    exit "$1"
}

# run_step ENGLISH CHINESE COMMAND…: run with its output in $log, and the seconds on the screen.
# A failure shows the end of the log and what may mend it, and exits.
run_step() {
    local label begin status=0 shown=0 elapsed
    label=$(in_words "$1" "$2")
    shift 2
    begin=$SECONDS
    printf '%s …' "$label" >&2
    [ -t 2 ] || printf '\n' >&2
    printf '\n== %s\n' "$*" >>"$log"

    # A process group of its own, so that stopping reaches the children's children as well.
    set -m
    "$@" >>"$log" 2>&1 </dev/null 9>&- &
    running_pid=$!
    set +m
    while kill -0 "$running_pid" 2>/dev/null; do
        sleep 0.05
        elapsed=$((SECONDS - begin))
        if [ -t 2 ] && [ "$elapsed" -gt "$shown" ]; then
            shown=$elapsed
            printf '\r%s … %s s' "$label" "$elapsed" >&2
        elif [ "$elapsed" -ge $((shown + 15)) ]; then
            shown=$elapsed
            printf '    %s s\n' "$elapsed" >&2
        fi
    done
    wait "$running_pid" || status=$?
    running_pid=
    if [ -t 2 ]; then printf '\r%s … %s s\n' "$label" $((SECONDS - begin)) >&2; fi
    [ "$status" -eq 0 ] || explain_failure "$status"
}

# explain_failure STATUS: the end of the log, then the likeliest remedy.
explain_failure() {
    printf '\n' >&2
    tail -n 25 "$log" | sed 's/^/    /' >&2
    printf '\n' >&2
    local end
    end=$(tail -n 60 "$log")
    case "$end" in
    *"No space left"* | *"os error 28"* | *ENOSPC*)
        say "The disk is full. Free some space (about 1 GB is needed), then run this again." \
            "磁盘已满。请腾出约 1 GB 空间，然后重新运行。"
        ;;
    *python-build-standalone*)
        no_python # uv could not fetch one either
        ;;
    *"ash mismatch"* | *"DO NOT MATCH THE HASHES"* | *EINTEGRITY*)
        say "The index sent other bytes than the lock file records, so nothing was installed. Try another mirror (PIP_INDEX_URL, npm_config_registry)." \
            "软件源返回的文件与锁定文件的校验值不符，因此没有安装。请换一个镜像（PIP_INDEX_URL、npm_config_registry）。"
        ;;
    *ENOTFOUND* | *EAI_AGAIN* | *ECONNREFUSED* | *ETIMEDOUT* | *"ailed to fetch"* | *"dns error"* | *"onnection"* | *"ertificate"* | *"timed out"* | *"from versions: none"*)
        say "A package index could not be reached. Check the network, or name mirrors, then run this again:
    PIP_INDEX_URL=https://… npm_config_registry=https://… $0" \
            "无法连接软件源。请检查网络，或指定镜像后重新运行：
    PIP_INDEX_URL=https://… npm_config_registry=https://… $0"
        ;;
    *"ermission denied"*)
        say "A file or folder could not be written. Set HUIYAN_VENV to a folder of your own, then run this again." \
            "没有写入权限。请把 HUIYAN_VENV 设为您可写的目录，然后重新运行。"
        ;;
    *"no wheels"* | *"No matching distribution"* | *"no matching"*)
        say "One of the packages has no build for this system. Linux with glibc 2.28 or newer and macOS 14 or newer are known to work." \
            "有的软件包没有适用于本系统的版本。已知可用：glibc 2.28 及以上的 Linux，macOS 14 及以上。"
        ;;
    *)
        say "This step failed (exit code $1). Running it again is safe." \
            "此步骤失败（退出码 $1）。可以放心地重新运行。"
        ;;
    esac
    say "The whole output is in $log" "完整输出见 $log"
    exit "$EXIT_FAILED"
}
