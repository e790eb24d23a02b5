#!/usr/bin/env bash
# Runs one row of docs/results.md again and prints its figure beside the one there.
set -euo pipefail
# shellcheck source=scripts/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

usage="usage: scripts/reproduce.sh NAME [--fracatlas DIR] [--shoulder DIR] [OPTION...]
       scripts/reproduce.sh --list
Trains and evaluates as docs/results.md says, into runs/reproduce-NAME, and compares.
  --list           the names, what each takes on two cores, and what it needs
  --fracatlas DIR  FracAtlas as it was published: images/ and dataset.csv (default: ../shared/fracatlas)
  --shoulder DIR   the shoulder implants: a folder per manufacturer (default: ../shared/shoulder)
All other options go to train_mura, as --threads 1; others may change the figure."

tuned="--arch efficientnet_lite0 --init weights/efficientnet_lite0.safetensors --recipe finetune --image-size 224 --threads 1 --seed 0"
# Small batches: a fold has 363 training images, and a step of 32 images would leave too few steps.
shoulder_options="--batch-size 8 --lr 1e-3 --positive-weight none --epochs 20"

# Name, minutes on two cores (with AVX-512, fine-tuning with AVX2), data, the figure, its key in metrics.json, its value and
# interval in docs/results.md, and the options of train_mura. The demonstration's are those of scripts/demo.sh. Data are
# demo, fracatlas, shoulder (five folds, evaluated together), or A-on-B: trained on A, evaluated on B, 400 studies of
# the demonstration.
rows=(
  "demo|8|demo|test AUROC per image|auroc|0.963|0.931 to 0.988|"
  "fracatlas|20|fracatlas|test AUROC per image|auroc|0.808|0.796 to 0.810 over three seeds|--arch resnet18 --image-size 160 --epochs 14 --batch-size 32 --optimizer adamw --lr 1e-3 --weight-decay 0.01 --schedule cosine --positive-weight balanced --threads 1 --seed 0"
  "fracatlas-finetune|16|fracatlas|test AUROC per image|auroc|0.888|0.829 to 0.940|$tuned --epochs 8"
  "fracatlas-parts|8|fracatlas|test macro AUROC per image|macro_auroc|0.999|0.997 to 1.000|$tuned --epochs 4 --labels hand,leg,hip,shoulder"
  "fracatlas-count|16|fracatlas|test quadratic kappa per image|quadratic_kappa|0.536|0.319 to 0.659|$tuned --epochs 8 --task ordinal --label-column fracture_count --max-grade 2"
  "demo-on-fracatlas|6|demo-on-fracatlas|test AUROC per image|auroc|0.567|0.497 to 0.684|$tuned --epochs 6"
  "fracatlas-on-demo|16|fracatlas-on-demo|test AUROC per image|auroc|0.500|0.399 to 0.611|$tuned --epochs 8"
  "shoulder|45|shoulder|accuracy over five folds|accuracy|0.765|0.728 to 0.799|$tuned $shoulder_options"
  "shoulder-scratch|45|shoulder|accuracy over five folds|accuracy|0.509|0.466 to 0.550|${tuned/--init weights\/efficientnet_lite0.safetensors/} --freeze 0 $shoulder_options"
  "fracatlas-short|4|fracatlas|test AUROC per image|auroc|0.621|0.532 to 0.703|--image-size 128 --epochs 3"
)

list_rows() {
  local name minutes data figure key value interval options
  for row in "${rows[@]}"; do
    IFS='|' read -r name minutes data figure key value interval options <<<"$row"
    printf '%-18s about %3s minutes  %s %s  %s\n' "$name" "$minutes" "$figure" "$value" \
      "$(case $data in
        *fracatlas*) echo "(needs FracAtlas: --fracatlas DIR)" ;;
        shoulder) echo "(needs the shoulder implants: --shoulder DIR)" ;;
      esac)"
  done
}

wanted=
fracatlas=../shared/fracatlas
shoulder=../shared/shoulder
more=()
while (($# > 0)); do
  case $1 in
    --help | -h) echo "$usage" && exit 0 ;;
    --list) list_rows && exit 0 ;;
    --fracatlas=* | --shoulder=*) set -- "${1%%=*}" "${1#*=}" "${@:2}" && continue ;;
    --fracatlas | --shoulder)
      (($# >= 2)) || { echo "reproduce.sh: $1 needs a folder" >&2 && exit 2; }
      declare "${1#--}=$2"
      shift
      ;;
    *) if [[ -z $wanted && $1 != -* ]]; then wanted=$1; else more+=("$1"); fi ;;
  esac
  shift
done

found=
for row in "${rows[@]}"; do
  [[ ${row%%|*} == "$wanted" ]] && found=$row
done
if [[ -z $found ]]; then
  echo "reproduce.sh: ${wanted:-no name} is none of these:" >&2
  list_rows >&2
  exit 2
fi
IFS='|' read -r name _ data figure key value interval options <<<"$found"
if [[ $data == *fracatlas* && ! -d $fracatlas/images ]]; then
  fail "$fracatlas does not contain FracAtlas (images/ and dataset.csv); give its folder with --fracatlas DIR"
fi
if [[ $data == shoulder && ! -d $shoulder/Zimmer ]]; then
  fail "$shoulder does not contain the shoulder implants (a folder per manufacturer); give its folder with --shoulder DIR"
fi

out=$root/runs/reproduce-$name
[[ ! -e $out ]] || fail "$out exists already; remove it first"
# Initial weights are named from the root of the tree, and fetched if they are missing.
if [[ $options =~ weights/([a-z0-9_]+).safetensors ]]; then
  options=${options/weights\//"$root/weights/"}
  [[ -e $root/weights/${BASH_REMATCH[1]}.safetensors ]] || "$root/scripts/fetch_weights.sh" "${BASH_REMATCH[1]}"
fi
read -ra training <<<"$options"

# The 400 studies.
demo_studies() {
  build_target programs
  "$programs/make_demo_data" --out "$out/demo-data" --studies 400 --seed 0
}

case $data in
  demo) "$root/scripts/demo.sh" --out "$out" "${more[@]}" ;;
  fracatlas) "$root/scripts/demo.sh" --data "$fracatlas" --out "$out" "${training[@]}" "${more[@]}" ;;
  shoulder)
    for fold in 0 1 2 3 4; do
      "$root/scripts/demo.sh" --data "$shoulder" --out "$out/fold-$fold" --folds 5 --fold "$fold" "${training[@]}" "${more[@]}"
    done
    "$programs/eval_mura" --folds "$out"/fold-* --out "$out"
    ;;
  demo-on-fracatlas)
    demo_studies
    "$root/scripts/demo.sh" --data "$out/demo-data" --out "$out/model" "${training[@]}" "${more[@]}"
    "$programs/eval_mura" --checkpoint "$out/model" --data "$fracatlas" --positive Fractured --threads 1 --out "$out"
    ;;
  fracatlas-on-demo)
    demo_studies
    "$root/scripts/demo.sh" --data "$fracatlas" --out "$out/model" "${training[@]}" "${more[@]}"
    "$programs/eval_mura" --checkpoint "$out/model" --data "$out/demo-data" --positive abnormal --threads 1 --out "$out"
    ;;
esac

# The first figure of that name is that of all images.
ours=$(sed -n "s/^ *\"$key\": \\([0-9.]*\\),\$/\\1/p" "$out/metrics.json" | head -n 1)
printf '\n%s: %s %.3f here, %s in docs/results.md%s\n' "$name" "$figure" "$ours" "$value" \
  "${interval:+ ($interval)}"
echo "The same instruction set, release and number of threads give the same figure; with other ones the order of sums, and thus the figure, differs."
