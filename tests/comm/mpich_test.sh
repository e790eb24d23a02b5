#!/usr/bin/env bash
# The module for MPICH: the tests of a group, and a run with shards by 1 and by 4 processes.
#
#   mpich_test.sh SOURCE BINARY PROGRAMS
#
# The programs are those of any build: only the module depends on the MPI library. Skipped without MPICH.
set -euo pipefail
source=$1 binary=$2 programs=$3
if ! command -v mpiexec.mpich >/dev/null || ! command -v mpicxx.mpich >/dev/null; then
  echo "skipped: needs mpich and libmpich-dev"
  exit 77
fi
mkdir -p "$binary"
cmake -S "$source" -B "$binary" -G Ninja -DMPI_EXECUTABLE_SUFFIX=.mpich -DOSTEON_CUDA=OFF -DOSTEON_TESTS=OFF \
  -DOSTEON_BENCH=OFF >"$binary/configure.log"
cmake --build "$binary" --target osteon_mpi
test -f "$binary/lib/osteon/osteon_mpi_mpich.so"
export OSTEON_MPI_FOLDER=$binary/lib/osteon
python3 "$source/tests/comm/group_test.py" "$programs/tests/processes" "$(command -v mpiexec.mpich)"

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"$programs/make_demo_data" --out "$folder/data" --studies 24 --image-size 64 >"$folder/data.log"
train=("$programs/train_mura" --data "$folder/data" --arch resnet18 --image-size 32 --epochs 2 --shards 4 --batch-size 2
  --threads 1 --quiet)
"${train[@]}" --out "$folder/one"
for processes in 2 4; do
  mpiexec.mpich -n "$processes" "${train[@]}" --out "$folder/by-$processes"
  for file in last/model.safetensors last/optimizer.safetensors predictions.csv; do
    cmp "$folder/one/$file" "$folder/by-$processes/$file"
  done
  echo "$processes processes: equal"
done
