#!/usr/bin/env bash
# Builds, runs every benchmark and prints a table of each; the JSON lines are kept beside the run.
set -euo pipefail
# shellcheck source=scripts/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

if [[ ${1:-} == --help || ${1:-} == -h ]]; then
  echo "usage: scripts/bench.sh [BENCH_MODEL OPTION...]
Installs the Debian packages the build lacks, builds build/ and runs every program build/bin/bench_*.
Options go to each run of bench_model, as in scripts/bench.sh --steps 5 --threads 1; for one
measurement of your own choice call build/bin/bench_model, whose --help lists the options."
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
  [[ $name == bench_model ]] && continue
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
