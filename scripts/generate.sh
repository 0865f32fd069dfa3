#!/usr/bin/env bash
# Write the generated files anew, or with --check say whether they are what the sources give.
#   schemas/openapi.json        from the gateway's types (huiyan.gateway.openapi)
#   web/src/api/generated.ts    from schemas/openapi.json (scripts/typescript.py)
set -euo pipefail
cd "$(dirname "$0")/.."

new=$(mktemp -d)
trap 'rm -rf "$new"' EXIT
python -m huiyan.gateway.openapi >"$new/openapi.json"
python scripts/typescript.py <"$new/openapi.json" >"$new/generated.ts"

status=0
for file in schemas/openapi.json web/src/api/generated.ts; do
    made=$new/$(basename "$file")
    cmp -s "$made" "$file" && continue
    if [ "${1:-}" = --check ]; then
        diff "$file" "$made" | head -n 40 || true
        printf '%s is not what the sources give. Run: just gen\n' "$file" >&2
        status=1
    else
        cp "$made" "$file"
    fi
done
exit "$status"
