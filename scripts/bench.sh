#!/usr/bin/env bash
# Builds, runs every benchmark and prints a table of each; the JSON lines are stored with the run.
set -euo pipefail
# shellcheck source=scripts/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

if [[ ${1:-} == --help || ${1:-} == -h ]]; then
  echo "usage: scripts/bench.sh [BENCH_MODEL OPTION...]
       scripts/bench.sh --vs-pytorch [OPTION...]
Installs the Debian packages the build lacks, builds build/ and runs the programs build/bin/bench_*, except
bench_convolutions (scripts/measure_convolutions.sh).
Options go to each run of bench_model, as in scripts/bench.sh --steps 5 --threads 1; for one
a single measurement call build/bin/bench_model, whose --help lists the options.

--vs-pytorch measures bench_model, PyTorch (eager and compiled) and the bare convolutions on oneDNN side by
side. PyTorch is installed into a virtual environment, build/pytorch, unless OSTEON_PYTORCH names the
folder of one that has torch and torchvision. Options go to scripts/bench_vs_pytorch.py, whose --help lists
them: --sizes 224 --batches 16 --rounds 1 is a short run."
  exit 0
fi

# An environment with torch and torchvision: the one of OSTEON_PYTORCH, otherwise our own.
pytorch_environment=${OSTEON_PYTORCH:-$build/pytorch}
install_pytorch() {
  [[ -n ${OSTEON_PYTORCH:-} ]] && return
  "$pytorch_environment/bin/python" -c 'import torch, torchvision' 2>/dev/null && return
  install_packages "${venv_packages[@]}"
  run_step "making the environment $pytorch_environment" pytorch_environment \
    python3 -m venv "$pytorch_environment"
  run_step "installing PyTorch (several GB)" pytorch \
    "$pytorch_environment/bin/pip" install torch torchvision
}

if [[ ${1:-} == --vs-pytorch ]]; then
  shift
  build_target all
  install_pytorch
  results=$(mktemp -d "$build/bench-vs-pytorch-$(date +%Y-%m-%d).XXXX")
  "$pytorch_environment/bin/python" "$root/scripts/bench_vs_pytorch.py" --programs "$programs" \
    --python "$pytorch_environment/bin/python" --json "$results/results.json" "$@" |
    tee "$results/table.md"
  echo "
as JSON: $results/results.json"
  exit 0
fi

# bench_model's measurements: mode, image size, batch size.
models=(
  "train 224 16"
  "train 128 32"
  "infer 224 16"
  "infer 224 1"
)

# Prints JSON lines (flat objects with the same keys) as a table.
table() {
  awk '
    function cell(key, value) {
      if (key ~ /_bytes$/) value /= 1e9
      if (value !~ /^-?[0-9.]+(e[-+]?[0-9]+)?$/) return value
      value += 0
      return sprintf(value == int(value) || value >= 10000 ? "%.0f" : "%.4g", value)
    }
    {
      gsub(/^[ \t]*{|}[ \t]*$/, "")
      count = split($0, fields, /,[ \t]*"/)
      for (i = 1; i <= count; ++i) {
        key = fields[i]; value = fields[i]
        sub(/"[ \t]*:.*/, "", key); gsub(/"/, "", key)
        sub(/^[^:]*:[ \t]*/, "", value); gsub(/"/, "", value)
        rows[NR, i] = cell(key, value)
        sub(/_bytes$/, "_GB", key)
        rows[0, i] = key
        columns = count
      }
    }
    END {
      for (row = 0; row <= NR; ++row)
        for (i = 1; i <= columns; ++i)
          if (length(rows[row, i]) > width[i]) width[i] = length(rows[row, i])
      for (row = 0; row <= NR; ++row) {
        line = ""
        for (i = 1; i <= columns; ++i) line = line sprintf("%*s  ", width[i], rows[row, i])
        sub(/ +$/, "", line)
        print line
      }
    }' "$1"
}

build_target all
results=$(mktemp -d "$build/bench-$(date +%Y-%m-%d).XXXX")
for model in "${models[@]}"; do
  read -r mode size batch <<<"$model"
  printf 'ResNet50, %s, %s px, batch %s ...\n' "$mode" "$size" "$batch"
  "$programs/bench_model" --arch resnet50 --mode "$mode" --image-size "$size" \
    --batch-size "$batch" "$@" >>"$results/bench_model.json"
done
for program in "$programs"/bench_*; do
  name=$(basename "$program")
  [[ $name == bench_model || $name == bench_convolutions ]] && continue  # the second prints no JSON
  printf '%s ...\n' "$name"
  "$program" >"$results/$name.json"
done

printf '\n%s, %s threads, %s\n' \
  "$(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -n 1)" "$(nproc)" "$(date +%Y-%m-%d)"
for file in "$results"/*.json; do
  printf '\n%s\n' "$(basename "$file" .json)"
  table "$file"
done
echo "
as JSON: $results"
