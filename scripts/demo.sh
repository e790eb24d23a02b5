#!/usr/bin/env bash
# Sets up, builds, draws demonstration radiographs and trains and evaluates a network on them, or on
# the data given by --data.
set -euo pipefail
# shellcheck source=scripts/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

usage="usage: scripts/demo.sh [--studies N] [OPTION...]
       scripts/demo.sh --data DIR [OPTION...]
Installs the Debian packages the build lacks, builds build/, trains a network and evaluates it.
  --studies N   number of demonstration studies (default: as make_demo_data)
  --data DIR    your own data instead: MURA, FracAtlas, class folders or a CSV list
  --out DIR     folder of the run (default: runs/demo, or the first unused of runs/demo-2, ...)
All other options go to train_mura; build/bin/train_mura --help lists them."

# The options for the demonstration data; an option from the user replaces the one here.
demo_training=(
  --image-size 64
  --epochs 14
  --batch-size 24
  --optimizer adamw
  --weight-decay 0.01
  --positive-weight none
)

data=
out=
drawing=()
training=()
while (($# > 0)); do
  case $1 in
    --help | -h) echo "$usage" && exit 0 ;;
    --data=* | --out=* | --studies=*) set -- "${1%%=*}" "${1#*=}" "${@:2}" && continue ;;
    --data | --out | --studies)
      if (($# < 2)); then
        echo "demo.sh: $1 needs a value" >&2
        exit 2
      fi
      case $1 in
        --data) data=$2 ;;
        --out) out=$2 ;;
        --studies) drawing=(--studies "$2") ;;
      esac
      shift
      ;;
    *) training+=("$1") ;;
  esac
  shift
done
if [[ -n $data && ${#drawing[@]} -gt 0 ]]; then
  echo "demo.sh: --studies is for the demonstration data and --data for your own: give one of them" >&2
  exit 2
fi

# draw_demo_data DIR: draws the data unless DIR was drawn by the same code with the same options; an
# older drawing is replaced.
draw_demo_data() {
  local dir=$1 made_with
  made_with="${drawing[*]} $(cat "$root"/data/demo/*.{h,cpp} | cksum)"
  if [[ -e $dir.options && $(<"$dir.options") == "$made_with" && -d $dir ]]; then
    echo "demonstration data: $dir exists already"
    return
  fi
  if [[ -e $dir ]]; then
    [[ -e $dir.options ]] || fail "$dir exists, but this script did not draw it; move or remove it"
    rm -r "$dir" "$dir.options"
  fi
  mkdir -p "$(dirname "$dir")"
  run_step "drawing demonstration data into $dir" demo-data \
    "$programs/make_demo_data" --out "$dir" "${drawing[@]}"
  echo "$made_with" >"$dir.options"
}

# add_defaults OPTION VALUE...: puts each option that `training` lacks before it.
add_defaults() {
  local -a added=()
  while (($# > 0)); do
    [[ " ${training[*]} " == *" $1"[\ =]* ]] || added+=("$1" "$2")
    shift 2
  done
  training=("${added[@]}" "${training[@]}")
}

# unused_folder DIR: DIR, or the first of DIR-2, DIR-3, ... that does not exist.
unused_folder() {
  local dir=$1 n=1
  while [[ -e $dir ]]; do
    n=$((n + 1))
    dir=$1-$n
  done
  echo "$dir"
}

building=()
if [[ ! -e $build/CMakeCache.txt ]] && has_cuda && ! has_gpu; then
  echo "note: there is no GPU, so the CUDA back end is left out; scripts/test.sh compiles it, which takes minutes"
  building=(-DOSTEON_CUDA=OFF)
fi
build_target programs "${building[@]}"
runs=$(realpath -m --relative-to=. "$root/runs")
if [[ -z $data ]]; then
  data=$runs/demo-data
  draw_demo_data "$data"
  add_defaults "${demo_training[@]}"
  # Another family may have no residual blocks.
  [[ " ${training[*]}" == *" --arch"* && " ${training[*]}" != *" --arch"[\ =]resnet* ]] ||
    training+=(--zero-init-residual)
fi
[[ -n $out ]] || out=$(unused_folder "$runs/demo")
echo "training: train_mura --data $data --out $out ${training[*]}"
"$programs/train_mura" --data "$data" --out "$out" "${training[@]}"
echo "report: $out/report.html; figures: $out/metrics.json, predictions.csv, studies.csv; weights: $out/best"
