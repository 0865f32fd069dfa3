#!/usr/bin/env bash
# Run parts of test_all.sh in the development environment (.venv, editable): what `just` calls.
#   scripts/check.sh PART… [-- what pytest takes]
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd -P)
. "$root/scripts/lib/words.sh"
. "$root/scripts/lib/mirrors.sh"
. "$root/scripts/lib/python.sh"
. "$root/scripts/lib/browser.sh"
. "$root/scripts/lib/locked.sh"
. "$root/scripts/lib/clients.sh"
. "$root/scripts/lib/deploy.sh"
. "$root/scripts/lib/plugins.sh"
. "$root/scripts/lib/parts.sh"

cd "$root"
[ -x .venv/bin/pytest ] || stop "$EXIT_REFUSED" "There is no development environment yet. Run: just env" \
    "尚无开发环境。请运行：just env"
use_environment "$root/.venv"
if find_chromium; then export TEST_HUIYAN_CHROMIUM; fi

parts=()
while [ $# -gt 0 ] && [ "$1" != -- ]; do
    parts+=("$1")
    shift
done
[ $# -eq 0 ] || shift
case " ${parts[*]} " in *" clients "* | *" fuzz "*) prepare_clients "$root/.venv-clients" ;; esac
case " ${parts[*]} " in *" deploy "*) prepare_deploy "$root/.venv-deploy" ;; esac
case " ${parts[*]} " in *" plugins "*) prepare_plugins "$root/.venv-plugins" ;; esac
for part in "${parts[@]}"; do
    run_part "$part" "$@"
done
summarize
