#!/usr/bin/env bash
# Install what is missing, then start huiyan: ./start_all.sh [what `huiyan start` takes]
#
#   MODEL_ID=Qwen/Qwen3-VL-8B-Instruct ./start_all.sh    which model (--model)
#   MODEL_PATH=/models/qwen ./start_all.sh               its files (--model-path)
#   WEB_PORT=8080 ENGINE_PORT=3002 ./start_all.sh        ports (--port, --engine-port)
#   HUIYAN_VENV=/opt/huiyan ./start_all.sh               where the environment goes (.venv here)
#   PIP_INDEX_URL=… npm_config_registry=… ./start_all.sh mirrors of the package indexes
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

. "$root/scripts/lib/environment.sh"
prepare_environment .venv requirements.lock

options=()
[ -z "${MODEL_ID:-}" ] || options+=(--model "$MODEL_ID")
[ -z "${MODEL_PATH:-}" ] || options+=(--model-path "$MODEL_PATH")
[ -z "${WEB_PORT:-}" ] || options+=(--port "$WEB_PORT")
[ -z "${ENGINE_PORT:-}" ] || options+=(--engine-port "$ENGINE_PORT")

exec "$venv/bin/huiyan" start ${options[@]+"${options[@]}"} "$@"
