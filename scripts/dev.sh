#!/usr/bin/env bash
# huiyan from the sources behind Vite's development server, which reloads the page as it is edited.
# Ctrl-C ends both.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd -P)
. "$root/scripts/lib/words.sh"
. "$root/scripts/lib/parts.sh"
cd "$root"
[ -x .venv/bin/huiyan ] || stop "$EXIT_REFUSED" "There is no development environment yet. Run: just env" \
    "尚无开发环境。请运行：just env"
use_environment "$root/.venv"
[ -d web/node_modules ] || (cd web && npm ci --no-audit --no-fund)

huiyan start --no-browser "$@" &
huiyan_pid=$!
trap 'kill "$huiyan_pid" 2>/dev/null; wait "$huiyan_pid" || true' EXIT
cd web
npm run dev
