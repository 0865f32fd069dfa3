#!/bin/sh
# The image's vLLM is made known to the data directory, which is a volume, then huiyan becomes process 1.
set -eu
if [ "${1:-}" = start ]; then huiyan engines use /opt/vllm/bin/python >&2; fi
exec huiyan "$@"
