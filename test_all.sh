#!/usr/bin/env bash
# Check and test everything: ./test_all.sh [PART… [-- what pytest takes]]
#
#   ./test_all.sh                          all parts, in order
#   ./test_all.sh unit -- -k blobs -x      one part, with words for pytest
#
# Parts: lint types imports generated web unit contract clients deploy fuzz plugins e2e chaos
# The tests run against the wheel made from this checkout, in an environment of its own
# (.venv-test). What they need is installed first; where that is not possible, this says how.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd -P)
. "$root/scripts/lib/environment.sh"
. "$root/scripts/lib/browser.sh"
. "$root/scripts/lib/locked.sh"
. "$root/scripts/lib/clients.sh"
. "$root/scripts/lib/deploy.sh"
. "$root/scripts/lib/plugins.sh"
. "$root/scripts/lib/parts.sh"
. "$root/scripts/lib/servers.sh"

parts=()
while [ $# -gt 0 ]; do
    case "$1" in
    --) shift && break ;;
    lint | types | imports | generated | web | unit | contract | clients | deploy | fuzz | plugins | e2e | chaos)
        parts+=("$1")
        ;;
    *) stop 2 "No such part: $1. Parts: ${ALL_PARTS[*]}" "没有此部分：$1。可选：${ALL_PARTS[*]}" ;;
    esac
    shift
done
[ ${#parts[@]} -gt 0 ] || parts=("${ALL_PARTS[@]}")

cd "$root"
prepare_environment .venv-test requirements.lock requirements-dev.lock
for part in "${parts[@]}"; do
    case "$part" in e2e | chaos)
        prepare_browser
        break
        ;;
    esac
done
for part in "${parts[@]}"; do
    case "$part" in unit | contract | chaos)
        prepare_servers
        break
        ;;
    esac
done
use_environment "$venv"
case " ${parts[*]} " in *" clients "* | *" fuzz "*) prepare_clients "$venv-clients" ;; esac
case " ${parts[*]} " in *" deploy "*) prepare_deploy "$venv-deploy" ;; esac
case " ${parts[*]} " in *" plugins "*) prepare_plugins "$venv-plugins" ;; esac
for part in "${parts[@]}"; do
    run_part "$part" "$@"
done
summarize
