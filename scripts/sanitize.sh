#!/usr/bin/env bash
# Runs tests under a sanitizer, in a separate build folder:
#
#   scripts/sanitize.sh [TEST...]        address and undefined-behaviour sanitizers: the given tests, or all except the long ones
#   scripts/sanitize.sh tsan [TEST...]   thread sanitizer: the given tests, or those of the loader and the parallel loops
#
# Builds only the named tests: scripts/sanitize.sh tensor_test op_cases_test
set -euo pipefail
# shellcheck source=scripts/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

if [[ ${1:-} == --help || ${1:-} == -h ]]; then
  sed -n '2,7s/^# \?//p' "${BASH_SOURCE[0]}"
  exit 0
fi

preset=asan
packages=("${build_packages[@]}")
# One test requests more memory than there is, and expects an error.
export ASAN_OPTIONS=allocator_may_return_null=1
if [[ ${1:-} == tsan ]]; then
  shift
  preset=tsan
  for_debian_12 "${fuzz_packages[@]}"
  packages+=("${fuzz_packages[@]}")
  (($# > 0)) || set -- loader_test parallel_test
  # Other libraries are built without the sanitizer; clang's OpenMP reports its barriers to it.
  export TSAN_OPTIONS=ignore_noninstrumented_modules=1
fi

selection=(-LE long)
targets=()
if (($# > 0)); then
  selection+=(-R "^($(IFS='|' && echo "$*"))\$")
  targets=(--target "$@")
fi

install_packages "${packages[@]}"
cd "$root"
run_step "configuring build-$preset/" "configure-$preset" cmake --preset "$preset"
run_step "compiling into build-$preset/bin" "build-$preset" \
  cmake --build --preset "$preset" --parallel "$(compile_jobs)" "${targets[@]}"
ctest --preset "$preset" --no-tests=error --parallel "$(nproc)" "${selection[@]}"
