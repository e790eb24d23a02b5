# shellcheck shell=bash
# What the scripts beside this file share: installing the Debian packages that are missing, building
# build/, and running a step with its output in a log. To be sourced.
# shellcheck disable=SC2034  # some of the variables are for the scripts that source this

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
build=$root/build
programs=$build/bin
logs=$build/log

# What the build needs: a Debian package and the command or file that shows it is there.
build_packages=(
  "g++                 g++"
  "cmake               cmake"
  "ninja-build         ninja"
  "libeigen3-dev       /usr/include/eigen3/Eigen/Core"
  "libstb-dev          /usr/include/stb/stb_image.h"
  "libjpeg-dev         /usr/include/jpeglib.h"
  "zlib1g-dev          /usr/include/zlib.h"
  "libzip-dev          /usr/include/zip.h"
  "libprotobuf-dev     /usr/include/google/protobuf/message.h"
  "libonnx-dev         /usr/include/onnx/onnx_pb.h"
  "libdnnl-dev         /usr/include/dnnl.hpp"
  "libgdcm-dev         /usr/include/gdcm-3.0/gdcmImageReader.h"
  "libgdcm-tools       gdcmconv"
  "nlohmann-json3-dev  /usr/include/nlohmann/json.hpp"
  "libcli11-dev        /usr/include/CLI/CLI.hpp"
  "doctest-dev         /usr/include/doctest/doctest.h"
  "python3             python3"
)
# The versions are named because their verdicts differ.
format_packages=("clang-format-14  clang-format-14")
lint_packages=(
  "shellcheck          shellcheck"
  "clang-tidy-16       clang-tidy-16"
  "libomp-16-dev       /usr/lib/llvm-16/lib/clang/16/include/omp.h"
)

pip_packages=("python3-pip  pip3")

fuzz_packages=(
  "clang-16            clang++-16"
  "libclang-rt-16-dev  /usr/lib/llvm-16/lib/clang/16/lib/linux/libclang_rt.fuzzer-x86_64.a"
  "libomp-16-dev       /usr/lib/llvm-16/lib/clang/16/include/omp.h"
)

# The folders with C++ in them.
rooms=(tensor ops nn optim data interop train apps bench fuzz tests)

fail() {
  echo "$(basename "$0"): $*" >&2
  exit 1
}

# run_step TEXT NAME COMMAND...: one line with the time it took; the output goes to a log and is
# shown only when the command fails.
run_step() {
  local text=$1 log=$logs/$2.log start=$SECONDS status=0
  shift 2
  mkdir -p "$logs"
  printf '%s ... ' "$text"
  "$@" >"$log" 2>&1 </dev/null || status=$?
  if ((status != 0)); then
    printf 'failed (status %d)\n' "$status"
    tail -n 60 "$log" >&2
    fail "$text failed; the whole output is in $log"
  fi
  printf '%d s\n' $((SECONDS - start))
}

# missing_packages "PACKAGE PROBE"...: prints the packages whose probe fails.
missing_packages() {
  local package probe
  for line in "$@"; do
    read -r package probe <<<"$line"
    if [[ $probe == /* ]]; then
      [[ -e $probe ]] || echo "$package"
    else
      command -v "$probe" >/dev/null || echo "$package"
    fi
  done
}

# May ask for the password.
may_become_root() {
  ((EUID == 0)) || { command -v sudo >/dev/null && { sudo -n true 2>/dev/null || sudo -v; }; }
}

apt_install() {
  local -a as_root=()
  ((EUID == 0)) || as_root=(sudo)
  # Without a network the lists may still be good enough: the installation decides.
  "${as_root[@]}" apt-get update -q || true
  "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive \
    apt-get install -q -y --no-install-recommends "$@"
}

# install_packages "PACKAGE PROBE"...: sees to it that they are there. Nothing is touched, and no
# network is needed, when they are.
install_packages() {
  local -a missing
  mapfile -t missing < <(missing_packages "$@")
  ((${#missing[@]} > 0)) || return 0
  if ! command -v apt-get >/dev/null; then
    # Another system may keep them elsewhere: CMake has the last word.
    echo "note: not found where Debian has them: ${missing[*]}"
    return 0
  fi
  if ! may_become_root; then
    fail "these packages are missing; install them as root and start again:
  apt-get install ${missing[*]}"
  fi
  run_step "installing ${missing[*]}" packages apt_install "${missing[@]}"
}

# As many compilers at once as there are processors and memory (1.5 GB each) for.
compile_jobs() {
  local processors memory
  processors=$(nproc)
  memory=$(awk '/^MemAvailable/ {print int($2 / 1500000)}' /proc/meminfo)
  ((memory >= 1)) || memory=1
  echo $((processors < memory ? processors : memory))
}

# $OSTEON_CMAKE_OPTIONS, separated by spaces, are for CMake.
configure_build() {
  local -a generator=() options
  read -r -a options <<<"${OSTEON_CMAKE_OPTIONS:-}"
  # A build folder keeps the generator it was made with.
  if [[ ! -e $build/CMakeCache.txt ]] && command -v ninja >/dev/null; then
    generator=(-G Ninja)
  fi
  run_step "configuring build/" configure cmake -S "$root" -B "$build" "${generator[@]}" \
    "${options[@]}"
}

# Whether there is what the CUDA back end needs but cudnn-frontend: a toolkit, and cuDNN in it, in the
# system, in $CUDNN_ROOT or as a pip package.
has_cuda() {
  local nvcc folder
  nvcc=$(command -v nvcc || echo /usr/local/cuda/bin/nvcc)
  [[ -x $nvcc ]] || return 1
  for folder in "${CUDNN_ROOT:-}" "$(dirname "$nvcc")/.." /usr; do
    [[ -e $folder/include/cudnn.h ]] && return 0
  done
  python3 -c "import nvidia.cudnn" 2>/dev/null
}

# build_target TARGET: installs what is missing, configures build/ and builds the target.
build_target() {
  install_packages "${build_packages[@]}"
  if has_cuda && ! "$root/scripts/fetch_cudnn_frontend.sh"; then
    echo "note: the CUDA back end is left out"
  fi
  configure_build
  sed -n 's/^-- osteon/osteon/p' "$logs/configure.log"
  run_step "compiling into build/bin" build \
    cmake --build "$build" --parallel "$(compile_jobs)" --target "$1"
}
