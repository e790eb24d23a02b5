#!/usr/bin/env bash
# Formats all C++ files in place; --check only lists the unformatted ones.
set -euo pipefail
# shellcheck source=scripts/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

case ${1:-} in
  "") action=(-i) ;;
  --check) action=(--dry-run --Werror) ;;
  --help | -h) echo "usage: scripts/format.sh [--check]" && exit 0 ;;
  *) echo "usage: scripts/format.sh [--check]" >&2 && exit 2 ;;
esac

for_debian_12 "${format_packages[@]}"
install_packages "${format_packages[@]}"
cd "$root"
find "${rooms[@]}" \( -name '*.h' -o -name '*.cpp' -o -name '*.cu' -o -name '*.cuh' \) -print0 |
  xargs -0 clang-format-14 "${action[@]}"
