#!/usr/bin/env bash
# Builds build-fuzz/ (preset fuzz, clang) and runs each fuzz target from its seeds. Ends with one
# line per target: seconds, inputs tried, crashes. An input that crashed is kept in
# build-fuzz/crashes.
set -euo pipefail
# shellcheck source=scripts/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

if [[ ${1:-} == --help || ${1:-} == -h ]]; then
  echo "usage: scripts/fuzz.sh [SECONDS [TARGET...]]
Fuzzes each target (safetensors, torch_pickle, pickle, csv, state, image, dicom) for SECONDS (default: 20).
OSTEON_FUZZ_SEED fixes the random numbers: the same inputs in each run, as long as time permits."
  exit 0
fi

seconds=${1:-20}
shift || true
fuzz=$root/build-fuzz

# The files of the tests are good seeds, small files first.
seeds() {
  local folder=$root/tests/golden
  case $1 in
  safetensors) find "$folder" -name '*.safetensors' -size -40k ;;
  torch_pickle) find "$folder/pth" -name '*.pth' ;;
  image) find "$folder/images" -type f -size -20k ! -name '*.dcm' ! -name '*.json' ;;
  dicom) find "$folder" -name '*.dcm' -size -200k ;;
  esac
  find "$root/fuzz/seeds/$1" -type f 2>/dev/null || true
}

fuzz_one() {
  local target=$1 corpus=$fuzz/corpus/$1 log=$fuzz/$1.log status=0
  mkdir -p "$corpus" "$fuzz/crashes"
  seeds "$target" | while read -r file; do cp "$file" "$corpus/seed_$(basename "$file")"; done
  # Memory: 2 GB is far above a reader's limit for inputs of this size.
  TMPDIR=$files "$fuzz/bin/fuzz_$target" -seed="${OSTEON_FUZZ_SEED:-0}" -max_total_time="$seconds" \
    -rss_limit_mb=2048 -timeout=10 -max_len=65536 -print_final_stats=1 \
    -artifact_prefix="$fuzz/crashes/${target}_" "$corpus" >"$log" 2>&1 || status=$?
  local tried
  tried=$(awk '/stat::number_of_executed_units/ {print $2}' "$log")
  printf '%-13s %6s s  %10s inputs  %s\n' "$target" "$seconds" "${tried:-?}" \
    "$([[ $status == 0 ]] && echo "no crash" || echo "CRASH, see $log")"
  return "$status"
}

for_debian_12 "${fuzz_packages[@]}"
install_packages "${build_packages[@]}" "${fuzz_packages[@]}"
cd "$root"
run_step "configuring build-fuzz/" configure-fuzz cmake --preset fuzz
run_step "compiling into build-fuzz/bin" build-fuzz cmake --build --preset fuzz --parallel "$(compile_jobs)"
files=$(mktemp -d /dev/shm/osteon_fuzz.XXXXXX)
trap 'rm -rf "$files"' EXIT
targets=("$@")
((${#targets[@]} > 0)) || targets=(safetensors torch_pickle pickle csv state image dicom)
# A target for each processor at a time.
failed=0
for target in "${targets[@]}"; do
  (($(jobs -rp | wc -l) < $(nproc))) || wait -n || failed=1
  fuzz_one "$target" &
done
while (($(jobs -p | wc -l) > 0)); do wait -n || failed=1; done
exit "$failed"
