#!/usr/bin/env bash
# The packages of scripts/package.sh in clean systems: packages_test.sh SOURCE FOLDER [RELEASE...]
#
# Debian 12 and 13 each build their package in one root and install it in another; the archive that Debian 12
# built runs in both, with nothing installed. As root, with debootstrap and a network; else it is skipped
# (exit status 77). `scripts/test.sh -L long` runs it.
set -euo pipefail

source=$1
folder=$2
releases=("${@:3}")
((${#releases[@]} > 0)) || releases=(bookworm trixie)

if (($(id -u) != 0)) || ! command -v debootstrap >/dev/null; then
  echo "skipped: needs root and debootstrap"
  exit 77
fi

# A root is removed only when nothing is mounted in it.
mounted=
leave() { [[ -z $mounted ]] || umount "$mounted" && mounted=; }
trap leave EXIT

# new_root NAME RELEASE: a minimal system in FOLDER/NAME.
new_root() {
  rm -rf --one-file-system "${folder:?}/$1"
  debootstrap --variant=minbase --include=ca-certificates "$2" "$folder/$1" >"$folder/$1.log"
  cp /etc/resolv.conf "$folder/$1/etc/resolv.conf"
}

# in_root NAME COMMANDS: without the environment of this system, except for the proxies.
in_root() {
  local -a proxies
  mapfile -t proxies < <(env | grep -iE '^(http|https|no)_proxy=')
  mounted=$folder/$1/proc
  mount -t proc proc "$mounted"
  chroot "$folder/$1" env -i PATH="$PATH" HOME=/root LANG=C.UTF-8 DEBIAN_FRONTEND=noninteractive "${proxies[@]}" \
    bash -euo pipefail -c "$2"
  leave
}

# The first commands of a user. $1 is the root, $2 the folder of the programs.
try_programs() {
  in_root "$1" "
    rm -rf /tmp/data /tmp/run
    for set in baseline \$($2/train_mura --version | sed 's/.* //'); do
      OSTEON_CPU=\$set $2/train_mura --version | grep \"instruction set \$set\"
    done
    $2/make_demo_data --out /tmp/data --studies 24
    $2/train_mura --data /tmp/data --out /tmp/run --arch resnet18 --image-size 32 --epochs 1 --batch-size 8 --quiet | tail -n 1
    $2/predict --checkpoint /tmp/run \$(find /tmp/data -name '*.png' | head -n 2) | grep -c normal
    $2/export_onnx --checkpoint /tmp/run --out /tmp/model.onnx
    if OSTEON_CPU=none $2/train_mura --version; then exit 1; fi"
}

mkdir -p "$folder"
for release in "${releases[@]}"; do
  echo "== $release: building"
  new_root "build-$release" "$release"
  git -C "$source" archive --prefix=osteon/ HEAD | tar -x -C "$folder/build-$release"
  in_root "build-$release" "apt-get update -q >/dev/null; /osteon/scripts/package.sh"
  cp "$folder/build-$release"/osteon/build/package/packages/osteon[_-]* "$folder"
done
for release in "${releases[@]}"; do
  new_root "run-$release" "$release"
  if compgen -G "$folder/osteon-*.tar.gz" >/dev/null; then
    echo "== $release: the archive"
    tar -xzf "$folder"/osteon-*.tar.gz -C "$folder/run-$release/opt"
    try_programs "run-$release" "/opt/$(basename "$folder"/osteon-*.tar.gz .tar.gz)/bin"
  fi
  echo "== $release: the Debian package"
  number=$(sed -n 's/^VERSION_ID="\(.*\)"/\1/p' "$folder/run-$release/etc/os-release")
  cp "$folder"/osteon_*~deb"$number"_*.deb "$folder/run-$release/opt"
  in_root "run-$release" "apt-get update -q >/dev/null; apt-get install -q -y --no-install-recommends /opt/*.deb | tail -n 1"
  try_programs "run-$release" /usr/bin
done
echo "packages: all passed"
