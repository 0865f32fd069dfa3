#!/usr/bin/env bash
# Update a part of the running system: ./update_qwen_vl.sh [what `huiyan update` takes]
#
#   ./update_qwen_vl.sh --component vision-encoder --feed DIRECTORY_OR_URL
#   ./update_qwen_vl.sh --check                          what there is
#   ./update_qwen_vl.sh --rollback                       back to before the last update
#   HUIYAN_VENV=/opt/huiyan ./update_qwen_vl.sh          where the environment is (.venv here)
#
# Exit codes: 0 ok, 1 failed, 2 wrong usage, 3 a check refused (with its remedy), 4 interrupted.
set -euo pipefail

script=${BASH_SOURCE[0]}
while [ -L "$script" ]; do # readlink -f is missing on older macOS
    link=$(readlink "$script")
    case "$link" in
    /*) script=$link ;;
    *) script=$(dirname "$script")/$link ;;
    esac
done
root=$(cd "$(dirname "$script")" && pwd -P)
venv=${HUIYAN_VENV:-$root/.venv}

if [ ! -x "$venv/bin/huiyan" ]; then
    echo "huiyan is not installed in $venv. Install and start it first: ./start_all.sh" >&2
    exit 3
fi
exec "$venv/bin/huiyan" update "$@"
