#!/usr/bin/env bash
# Sets up, builds and runs every test; options go to ctest.
set -euo pipefail
# shellcheck source=scripts/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

if [[ ${1:-} == --help || ${1:-} == -h ]]; then
  echo "usage: scripts/test.sh [CTEST OPTION...]
Installs the Debian packages the build lacks, builds build/ and runs every test except the long ones.
If there is a CUDA toolkit, its back end is built, too; OSTEON_CMAKE_OPTIONS=-DOSTEON_CUDA=OFF leaves it out.
  scripts/test.sh -L long        runs the long tests, which take up to hours
  scripts/test.sh -N             lists the tests
  scripts/test.sh -R op_cases    runs the tests whose name contains op_cases"
  exit 0
fi

# Without a GPU the tests compile for one generation of GPUs; the long tests compile for all.
has_gpu || export CUDAARCHS=${CUDAARCHS:-90}
build_target all -DOSTEON_CUDA=ON
selection=(-LE long)
if [[ " $* " == *" -L "* ]]; then
  selection=()
  install_packages "${long_test_packages[@]}"
fi
ctest --test-dir "$build" --output-on-failure --no-tests=error --parallel "$(nproc)" \
  "${selection[@]}" "$@"
