#!/usr/bin/env bash
# Write the lock files anew from pyproject.toml, with hashes and without any index address.
#   scripts/lock.sh             keep versions where the ranges allow it
#   scripts/lock.sh --upgrade   take the newest that the ranges allow
set -euo pipefail
cd "$(dirname "$0")/.."

compile() { # OUTPUT ARGUMENT...
    local output=$1
    shift
    uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
        --no-annotate --custom-compile-command scripts/lock.sh --output-file "$output" "$@"
}

compile requirements.lock pyproject.toml "$@"
# For containers: with what several gateways share.
compile requirements-server.lock pyproject.toml --extra postgres --extra redis --constraints requirements.lock "$@"
compile requirements-build.lock --group build "$@"
compile requirements-dev.lock pyproject.toml --group dev --constraints requirements.lock "$@"
compile requirements-clients.lock --group clients "$@"
compile requirements-deploy.lock --group deploy "$@"
compile scripts/bootstrap.lock scripts/bootstrap.in "$@"
# Ray's own environment: its version is code (cluster/environment.py), and the file names it.
for input in src/huiyan/cluster/locks/*.in; do
    compile "${input%.in}.lock" "$input" "$@"
done
for plugin in plugins/*/; do
    compile "${plugin}requirements.lock" "${plugin}pyproject.toml" --all-extras "$@"
    compile "${plugin}requirements-dev.lock" "${plugin}pyproject.toml" --all-extras --group "${plugin}pyproject.toml:dev" \
        --constraints "${plugin}requirements.lock" "$@"
done
