#!/usr/bin/env bash
# Everything that a release is made of, built and checked: scripts/release_check.sh [FOLDER]
#
# FOLDER (dist/release unless given) then holds the source archive, the wheel that was made from it, their
# SBOMs in CycloneDX, and SHA256SUMS. .github/workflows/release.yml runs the same.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd -P)
. "$root/scripts/lib/words.sh"
. "$root/scripts/lib/mirrors.sh"
. "$root/scripts/lib/python.sh"
. "$root/scripts/lib/browser.sh"
. "$root/scripts/lib/parts.sh"
. "$root/scripts/lib/deploy.sh"

out=$(mkdir -p "${1:-$root/dist/release}" && cd "${1:-$root/dist/release}" && pwd -P)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
log=$work/log venv=$root/.venv-deploy
: >"$log"
prepare_deploy "$root/.venv-deploy" # finds Python and uv, too
[ -n "${python_for_venv:-}" ] || find_python
[ -n "${uv:-}" ] || find_uv
honour_mirrors "$python"
tools=$root/.venv-deploy/bin
rm -f "$out"/*.whl "$out"/*.tar.gz "$out"/*.cdx.json "$out"/SHA256SUMS

# Dates in archives are those of the commit, so that the same commit gives the same bytes.
SOURCE_DATE_EPOCH=$(git -C "$root" log -1 --format=%ct 2>/dev/null || echo 1577836800)
export SOURCE_DATE_EPOCH

locked=(--python "$python_for_venv" --build-constraints "$root/requirements-build.lock" --require-hashes)
run_step "[1/6] Source archive" "[1/6] 源码包" "$uv" build --sdist "${locked[@]}" --out-dir "$out" "$root"
mkdir "$work/source"
tar -xzf "$out"/*.tar.gz -C "$work/source" --strip-components 1
run_step "[2/6] Wheel, from the source archive" "[2/6] 用源码包构建 wheel" \
    "$uv" build --wheel "${locked[@]}" --out-dir "$out" "$work/source"
"$tools/python" "$root/scripts/release/contents.py" "$out"/*.tar.gz "$out"/*.whl

run_step "[3/6] An empty environment" "[3/6] 空环境" "$uv" venv --python "$python_for_venv" "$work/empty"
run_step "[4/6] Installing into it, by hash" "[4/6] 按哈希安装" \
    "$uv" pip install --python "$work/empty/bin/python" --require-hashes --requirements "$root/requirements.lock"
"$uv" pip install --quiet --python "$work/empty/bin/python" --no-index --no-deps "$out"/*.whl
say "[5/6] The first answer" "[5/6] 第一个回答"
"$tools/python" "$root/scripts/release/first_answer.py" "$work/empty/bin/huiyan"

say "[6/6] SBOMs and their licences" "[6/6] SBOM 与许可证"
name=$(basename "$out"/*.whl .whl)
"$tools/cyclonedx-py" environment --output-reproducible --output-format JSON \
    --output-file "$out/$name.cdx.json" "$work/empty/bin/python"
"$uv" pip install --quiet --python "$work/empty/bin/python" --require-hashes --no-deps \
    --requirements "$root/requirements-build.lock"
use_environment "$work/empty"
(cd "$work/source/web" && npm sbom --sbom-format cyclonedx --package-lock-only --omit dev) >"$out/$name.page.cdx.json"
"$tools/python" "$root/scripts/release/licences.py" "$out"/*.cdx.json
(cd "$out" && "$tools/python" - ./* >"$work/sums" <<'PYTHON'
import hashlib, pathlib, sys
for path in sorted(map(pathlib.Path, sys.argv[1:])):
    print(f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.name}")
PYTHON
)
mv "$work/sums" "$out/SHA256SUMS"
say "Whole and checked: $out" "完整并通过检查：$out"
