# Functions that the scripts in this folder share: they install missing Debian packages, build
# build/, and run a step with its output in a log. To be sourced.

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
build=$root/build
programs=$build/bin
logs=$build/log

# The packages that the build needs. Fields between the bars: Debian's package; the command or file
# that shows it is installed; its name on any Linux; and, for an optional package, the feature that
# is missing without it.
build_packages=(
  "g++                |g++                                        |a C++20 compiler, g++ 12 or later"
  "cmake              |cmake                                      |CMake 3.25 or later"
  "ninja-build        |ninja                                      |Ninja"
  "libeigen3-dev      |/usr/include/eigen3/Eigen/Core             |Eigen 3.4 headers (Eigen/Core)"
  "libstb-dev         |/usr/include/stb/stb_image.h               |stb headers (stb_image.h)"
  "libjpeg-dev        |/usr/include/jpeglib.h                     |libjpeg or libjpeg-turbo (jpeglib.h)"
  "zlib1g-dev         |/usr/include/zlib.h                        |zlib (zlib.h)"
  "libzip-dev         |/usr/include/zip.h                         |libzip 1.7 (zip.h)"
  "nlohmann-json3-dev |/usr/include/nlohmann/json.hpp             |nlohmann-json 3.11 (nlohmann/json.hpp)"
  "libcli11-dev       |/usr/include/CLI/CLI.hpp                   |CLI11 2 (CLI/CLI.hpp)"
  "doctest-dev        |/usr/include/doctest/doctest.h             |doctest 2.4 (doctest/doctest.h)"
  "python3            |python3                                    |Python 3.10 or later"
  "libdnnl-dev        |/usr/include/dnnl.hpp                      |oneDNN 2.6 or later (dnnl.hpp)           |fast convolutions"
  "libgdcm-dev        |/usr/include/gdcm-3.0/gdcmImageReader.h    |GDCM 3.0 (gdcmImageReader.h)             |compressed DICOM"
  "libgdcm-tools      |gdcmconv                                   |GDCM's programs (gdcmconv)               |compressed DICOM, if GDCM's CMake file asks for them"
  "libprotobuf-dev    |/usr/include/google/protobuf/message.h     |protobuf (google/protobuf/message.h)     |export_onnx"
  "libopenmpi-dev     |/usr/lib/x86_64-linux-gnu/openmpi/include/mpi.h |MPI (mpi.h)                         |several processes"
  "openmpi-bin        |mpirun                                     |MPI's launcher (mpirun)                 |several processes"
  "libonnx-dev        |/usr/include/onnx/onnx_pb.h                |ONNX 1.12 or later (onnx/onnx_pb.h)      |export_onnx"
)
# The versions are fixed because their results differ.
format_packages=("clang-format-14 |clang-format-14 |clang-format 14")
lint_packages=(
  "clang-tidy-16      |clang-tidy-16                                            |clang-tidy 16"
  "libomp-16-dev      |/usr/lib/llvm-16/lib/clang/16/include/omp.h              |LLVM's OpenMP 16"
)
shellcheck_packages=("shellcheck |shellcheck |ShellCheck")
pip_packages=("python3-pip |pip3 |pip for Python 3")
venv_packages=("python3-venv |/usr/share/doc/python3-venv |Python's venv")
# For scripts/docs.sh and scripts/check_site.py.
site_packages=(
  "doxygen            |doxygen                                |Doxygen"
  "libjs-katex        |/usr/share/javascript/katex/katex.min.js |KaTeX"
)
browser_packages=("chromium |chromium |Chromium")
fuzz_packages=(
  "clang-16           |clang++-16                                               |clang 16"
  "libclang-rt-16-dev |/usr/lib/llvm-16/lib/clang/16/lib/linux/libclang_rt.fuzzer-x86_64.a |clang 16's sanitizers"
  "libomp-16-dev      |/usr/lib/llvm-16/lib/clang/16/include/omp.h              |LLVM's OpenMP 16"
)

long_test_packages=(
  "libmpich-dev           |mpicxx.mpich          |MPICH (mpi.h)                        |mpich_test"
  "mpich                  |mpiexec.mpich         |MPICH's launcher (mpiexec.mpich)      |mpich_test"
  "debootstrap            |debootstrap           |debootstrap                          |packages_test"
  "g++-aarch64-linux-gnu  |aarch64-linux-gnu-g++ |a C++20 cross compiler for aarch64    |aarch64_test"
  "qemu-user-static       |qemu-aarch64-static   |QEMU's user emulation of aarch64      |running aarch64_test"
)

# The folders with C++ files.
rooms=(base tensor comm ops nn optim interop data eval train apps bench examples fuzz tests)

fail() {
  echo "$(basename "$0"): $*" >&2
  exit 1
}

# try_step TEXT NAME COMMAND...: prints one line with the time of the command; the output goes to
# log/NAME.log.
try_step() {
  local text=$1 log=$logs/$2.log start=$SECONDS status=0
  shift 2
  mkdir -p "$logs"
  printf '%s ... ' "$text"
  "$@" >"$log" 2>&1 </dev/null || status=$?
  if ((status != 0)); then
    printf 'failed (status %d)\n' "$status"
    return 1
  fi
  printf '%d s\n' $((SECONDS - start))
}

# run_step TEXT NAME COMMAND...: the same; a command that fails ends the script, and its output is shown.
run_step() {
  try_step "$@" && return
  tail -n 60 "$logs/$2.log" >&2
  fail "$1 failed; the whole output is in $logs/$2.log"
}

# field N LINE...: prints field N of each line, without the spaces around it.
field() {
  local number=$1 line
  local -a fields
  shift
  for line in "$@"; do
    IFS='|' read -r -a fields <<<"$line"
    read -r line <<<"${fields[number]:-}"
    echo "$line"
  done
}

# missing_packages LINE...: prints the lines of missing packages.
missing_packages() {
  local line probe
  for line in "$@"; do
    probe=$(field 1 "$line")
    if [[ $probe == /* ]]; then
      [[ -e $probe ]] || echo "$line"
    else
      command -v "$probe" >/dev/null || echo "$line"
    fi
  done
}

is_root() { (($(id -u) == 0)); }

# May ask for the password, except with -n.
can_be_root() {
  is_root && return
  command -v sudo >/dev/null || return
  sudo -n true 2>/dev/null && return
  [[ ${1:-} != -n ]] && sudo -v
}

# A fresh machine updates itself for some minutes; /proc/locks names the process that holds a lock.
dpkg_lock=/var/lib/dpkg/lock-frontend
apt_is_busy() {
  [[ -e $dpkg_lock ]] && grep -q ":$(stat -c %i "$dpkg_lock") " /proc/locks
}

as_root() {
  if is_root; then "$@"; else sudo "$@"; fi
}

# Without a network the existing lists may suffice: the installation decides.
apt_update() {
  [[ -z ${apt_is_updated:-} ]] || return 0
  apt_is_updated=yes
  as_root apt-get update -q || true
}

apt_install() {
  apt_update
  as_root env DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=300 \
    install -q -y --no-install-recommends "$@"
}

# Installs those of the packages that this release has.
apt_install_known() {
  local package
  local -a known=()
  apt_update
  for package in "$@"; do
    if apt-cache show "$package" >/dev/null; then known+=("$package"); fi
  done
  ((${#known[@]} > 0)) && apt_install "${known[@]}"
}

# why_apt_failed LOG: prints the reason in one line.
why_apt_failed() {
  if grep -qE 'Temporary failure resolving|Could not (resolve|connect)|Network is unreachable' "$1"; then
    echo "apt-get did not reach its servers: is there a network?"
  elif grep -qE 'Unable to locate package|no installation candidate|No packages found' "$1"; then
    echo "apt-get does not know all of them: is there a network, and does this release have them?"
  elif grep -q 'Could not get lock' "$1"; then
    echo "another apt-get was at work for more than five minutes"
  else
    sed -n 's/^E: //p' "$1" | head -n 1
  fi
}

# try_apt HOW PACKAGE...: runs apt_install or apt_install_known; prints the reason if it fails.
try_apt() {
  ! apt_is_busy || echo "note: another apt-get is at work; waiting up to five minutes for it"
  try_step "installing ${*:2}" packages "$@" && return
  echo "$(why_apt_failed "$logs/packages.log") ($logs/packages.log)" >&2
  return 1
}

# names N LINE...: prints "PACKAGE (WHAT), PACKAGE (WHAT)", where WHAT is field N.
names() {
  local column=$1 line text=
  shift
  for line in "$@"; do text+="${text:+, }$(field 0 "$line") ($(field "$column" "$line"))"; done
  echo "$text"
}

# Installs the required packages, or ends the script; the optional ones may fail.
install_packages() {
  local line
  local -a missing required=() optional=() packages
  mapfile -t missing < <(missing_packages "$@")
  for line in "${missing[@]}"; do
    if [[ -n $(field 3 "$line") ]]; then optional+=("$line"); else required+=("$line"); fi
  done
  ((${#missing[@]} > 0)) || return 0
  if ! command -v apt-get >/dev/null; then
    # Another system may have them in other folders: CMake decides.
    [[ -z ${required[*]} ]] || echo "note: not found in Debian's folders: $(names 2 "${required[@]}")"
    [[ -z ${optional[*]} ]] || echo "note: optional and not found: $(names 2 "${optional[@]}")"
    return 0
  fi
  if ((${#required[@]} > 0)); then
    mapfile -t packages < <(field 0 "${required[@]}")
    can_be_root || fail "these packages are missing; install them as root and start again:
  apt-get install ${packages[*]}${optional[*]:+
and, optionally: $(names 3 "${optional[@]}")}"
    try_apt apt_install "${packages[@]}" || fail "these packages are required: ${packages[*]}"
  fi
  install_optional "${optional[@]}"
}

# Does not ask for a password.
install_optional() {
  local -a packages missing
  (($# > 0)) || return 0
  if can_be_root -n; then
    mapfile -t packages < <(field 0 "$@")
    try_apt apt_install_known "${packages[@]}" || true
  fi
  mapfile -t missing < <(missing_packages "$@")
  [[ -z ${missing[*]} ]] || echo "note: going on without $(names 3 "${missing[@]}")"
}

# for_debian_12 LINE...: ends the script if a package is missing, unless this is Debian 12, which
# has them.
os_release=/etc/os-release
for_debian_12() {
  local -a missing
  mapfile -t missing < <(missing_packages "$@")
  ((${#missing[@]} == 0)) && return
  # shellcheck disable=SC1090,SC2153
  (. "$os_release" && [[ ${ID:-}-${VERSION_ID:-} == debian-12 ]]) ||
    fail "is for the versions of Debian 12; not found here: $(field 2 "${missing[@]}" | paste -sd, | sed 's/,/, /g')"
}

# The number of parallel compilers: limited by processors and memory (1.5 GB each).
compile_jobs() {
  local processors memory
  processors=$(nproc)
  memory=$(awk '/^MemAvailable/ {print int($2 / 1500000)}' /proc/meminfo)
  ((memory >= 1)) || memory=1
  echo $((processors < memory ? processors : memory))
}

# configure_build [CMAKE OPTION...]: options in $OSTEON_CMAKE_OPTIONS, separated by spaces, take
# precedence.
configure_build() {
  local -a generator=() options
  read -r -a options <<<"${OSTEON_CMAKE_OPTIONS:-}"
  # A build folder keeps its generator.
  if [[ ! -e $build/CMakeCache.txt ]] && command -v ninja >/dev/null; then
    generator=(-G Ninja)
  fi
  run_step "configuring build/" configure cmake -S "$root" -B "$build" "${generator[@]}" \
    "$@" "${options[@]}"
}

# Whether the CUDA back end's requirements except cudnn-frontend are installed: a toolkit, and cuDNN
# in it, in the system, in $CUDNN_ROOT or as a pip package.
has_cuda() {
  local nvcc folder
  nvcc=$(command -v nvcc || echo /usr/local/cuda/bin/nvcc)
  [[ -x $nvcc ]] || return 1
  for folder in "${CUDNN_ROOT:-}" "$(dirname "$nvcc")/.." /usr; do
    [[ -e $folder/include/cudnn.h ]] && return 0
  done
  python3 -c "import nvidia.cudnn" 2>/dev/null
}

has_gpu() { nvidia-smi -L >/dev/null 2>&1; }

# build_target TARGET [CMAKE OPTION...]: installs missing packages, configures build/ and builds the
# target.
build_target() {
  install_packages "${build_packages[@]}"
  if [[ " $* " != *" -DOSTEON_CUDA=OFF "* ]] && has_cuda && ! "$root/scripts/fetch_cudnn_frontend.sh"; then
    echo "note: the CUDA back end is left out"
  fi
  configure_build "${@:2}"
  sed -n 's/^-- osteon/osteon/p' "$logs/configure.log"
  run_step "compiling into build/bin" build \
    cmake --build "$build" --parallel "$(compile_jobs)" --target "$1"
}
