#!/usr/bin/env bash
# Builds build-asan/ (preset asan) and runs the tests under the address and undefined-behaviour
# sanitizers; options go to ctest.
set -euo pipefail
# shellcheck source=scripts/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

if [[ ${1:-} == --help || ${1:-} == -h ]]; then
  echo "usage: scripts/sanitize.sh [CTEST OPTION...]"
  exit 0
fi

install_packages "${build_packages[@]}"
cd "$root"
run_step "configuring build-asan/" configure-asan cmake --preset asan
run_step "compiling into build-asan/bin" build-asan \
  cmake --build --preset asan --parallel "$(compile_jobs)"
ctest --preset asan --no-tests=error --parallel "$(nproc)" "$@"
