#!/usr/bin/env bash
# Fetches NVIDIA's cudnn-frontend headers, which Debian does not have, as a wheel by pip into
# .cache/cudnn-frontend, where CMake looks for them. Does nothing if they are there.
set -euo pipefail
# shellcheck source=scripts/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

version=1.18.0
folder=$root/.cache/cudnn-frontend

if (($# > 0)); then
  echo "usage: scripts/fetch_cudnn_frontend.sh
Fetches cudnn-frontend $version by pip into .cache/cudnn-frontend (headers and licence, 10 MB)."
  [[ $1 == --help || $1 == -h ]] && exit 0
  exit 2
fi
[[ ! -e $folder/include/cudnn_frontend.h ]] || exit 0

install_packages "${pip_packages[@]}"
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
# All of its wheels have the same headers; pip gets this one for any Python version and accepts no
# other bytes.
cat >"$scratch/requirements.txt" <<END
nvidia-cudnn-frontend==$version \\
  --hash=sha256:382ea063b92cbfd5b442cb75ff8422932d78276aecf139e46713ed1ad3d07af4
END
run_step "fetching cudnn-frontend $version" fetch_cudnn_frontend \
  python3 -m pip download --quiet --no-deps --require-hashes --only-binary :all: \
  --platform manylinux_2_27_x86_64 --implementation cp --python-version 311 --abi cp311 \
  --dest "$scratch" --requirement "$scratch/requirements.txt"
python3 -m zipfile --extract "$scratch"/*.whl "$scratch/wheel"
mkdir -p "$folder"
cp "$scratch"/wheel/*.dist-info/licenses/* "$folder"
# Moved last and completely: its presence shows that nothing is missing.
mv "$scratch/wheel/include" "$folder/include.part"
mv "$folder/include.part" "$folder/include"
