#!/usr/bin/env bash
# Builds, checks and measures Osteon on a machine with a GPU and without a network; runs
# scripts/gpu_check/check.py, which has the options.
set -euo pipefail
if ! command -v python3 >/dev/null; then
  echo "gpu_check.sh: python3 was not found" >&2
  exit 1
fi
exec python3 "$(dirname "${BASH_SOURCE[0]}")/gpu_check/check.py" "$@"
