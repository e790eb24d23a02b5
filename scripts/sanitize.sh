#!/usr/bin/env bash
# Runs tests under a sanitizer, in a build folder of its own:
#
#   scripts/sanitize.sh [CTEST OPTION...]        all but the long ones, for addresses and undefined behaviour
#   scripts/sanitize.sh tsan [CTEST OPTION...]   the loader and the parallel loops, for data races
set -euo pipefail
# shellcheck source=scripts/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

if [[ ${1:-} == --help || ${1:-} == -h ]]; then
  sed -n '2,5s/^# \?//p' "${BASH_SOURCE[0]}"
  exit 0
fi

preset=asan
packages=("${build_packages[@]}")
targets=()
selection=(-LE long)
if [[ ${1:-} == tsan ]]; then
  shift
  preset=tsan
  packages+=("${fuzz_packages[@]}")
  targets=(--target loader_test parallel_test)
  selection=(-R '^(loader|parallel)_test$')
  # The libraries of others are built without it; clang's OpenMP tells it of its own barriers.
  export TSAN_OPTIONS=ignore_noninstrumented_modules=1
fi

install_packages "${packages[@]}"
cd "$root"
run_step "configuring build-$preset/" "configure-$preset" cmake --preset "$preset"
run_step "compiling into build-$preset/bin" "build-$preset" \
  cmake --build --preset "$preset" --parallel "$(compile_jobs)" "${targets[@]}"
ctest --preset "$preset" --no-tests=error --parallel "$(nproc)" "${selection[@]}" "$@"
