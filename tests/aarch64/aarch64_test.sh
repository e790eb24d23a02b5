#!/usr/bin/env bash
# osteon::core for another processor: aarch64_test.sh SOURCE FOLDER
#
# Compiles the core for aarch64 by Debian's cross compiler, without a warning and without any optional library,
# and runs the table of ops on an emulated processor if qemu is installed and zlib for aarch64 can be fetched. Skipped
# (exit status 77) without the compiler. `scripts/test.sh -L long` runs it.
set -euo pipefail

source=$1
folder=$2
compiler=aarch64-linux-gnu-g++
emulator=qemu-aarch64-static

if ! command -v $compiler >/dev/null; then
  echo "skipped: needs $compiler (Debian's g++-aarch64-linux-gnu)"
  exit 77
fi

# Unpacks Debian's zlib for aarch64 into FOLDER/zlib. This system's own list of packages stays as it is.
fetch_zlib() {
  local -a lists=(-o APT::Architecture=arm64 -o APT::Architectures=arm64
    -o Dir::State::lists="$folder/apt/lists" -o Dir::Cache="$folder/apt/cache")
  mkdir -p "$folder"/apt/{lists,cache/archives}/partial
  (cd "$folder/apt" && rm -f ./*.deb && apt-get "${lists[@]}" update -q && apt-get "${lists[@]}" download -q zlib1g-dev) &&
    dpkg-deb -x "$folder"/apt/zlib1g-dev*.deb "$folder/zlib"
}

# CMake also finds this machine's libraries for the rest of Osteon, but nothing is linked with them.
rm -rf "${folder:?}/build"
cmake -S "$source" -B "$folder/build" -G Ninja \
  -DCMAKE_SYSTEM_NAME=Linux -DCMAKE_SYSTEM_PROCESSOR=aarch64 -DCMAKE_CXX_COMPILER=$compiler \
  -DCMAKE_LIBRARY_PATH="/usr/lib/$(uname -m)-linux-gnu" -DCMAKE_SKIP_RPATH=ON \
  -DZLIB_LIBRARY_RELEASE="$folder/zlib/usr/lib/aarch64-linux-gnu/libz.a" \
  -DOSTEON_CUDA=OFF -DOSTEON_ONEDNN=OFF -DOSTEON_GDCM=OFF -DOSTEON_ONNX=OFF -DOSTEON_BENCH=OFF \
  -DOSTEON_WARNINGS_AS_ERRORS=ON
cmake --build "$folder/build" --target osteon_core

if ! command -v $emulator >/dev/null; then
  echo "compiled; not run: needs $emulator (Debian's qemu-user-static)"
elif ! fetch_zlib; then
  echo "compiled; not run: zlib for aarch64 could not be fetched"
else
  cmake --build "$folder/build" --target op_cases_test
  # With GOMP_SPINCOUNT set, the program does not restart itself outside of the emulator.
  GOMP_SPINCOUNT=10000 $emulator -L /usr/aarch64-linux-gnu "$folder/build/bin/tests/op_cases_test"
fi
