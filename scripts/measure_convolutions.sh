#!/usr/bin/env bash
# Measures our kernels of convolutions and oneDNN's with each instruction set of this processor and
# writes the table from which `--backend auto` chooses. Needs a machine without other load and a
# build (scripts/test.sh); build again afterwards. Takes about ten minutes on two cores.
# Arguments are passed to bench_convolutions.
set -euo pipefail
cd "$(dirname "$0")/.."
program=build/bin/bench_convolutions
[[ -x $program ]] || { echo "measure_convolutions.sh: $program is missing; run scripts/test.sh first" >&2; exit 1; }
sets=(baseline)
grep -qw avx2 /proc/cpuinfo && sets+=(avx2)
grep -qw avx512vl /proc/cpuinfo && sets+=(avx512)
for set in "${sets[@]}"; do
  echo "== $set"
  OSTEON_CPU=$set $program --write ops/convolution/measured.inc "$@"
done
