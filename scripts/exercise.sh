#!/usr/bin/env bash
# Makes an exercise of the book, or grades it.
set -euo pipefail
# shellcheck source=scripts/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

list="$root/docs/book/exercises.csv"
if [[ $# != 1 || $1 == --help || $1 == -h ]]; then
  echo "usage: scripts/exercise.sh NAME
Writes exercises/NAME/FILE, a copy of one file of the tree without the part that you write, and grades it.
Call it again after each change. The exercises of docs/book:"
  awk -F, 'NR > 1 { printf "  %-4s %s\n", $1, $2 }' "$list"
  [[ $# == 1 ]] && exit 0
  exit 2
fi

program=$(awk -F, -v name="$1" '$1 == name { print $3 }' "$list")
[[ -n $program ]] || fail "there is no exercise $1; scripts/exercise.sh --help lists them"
build_target "$program"
"$root/scripts/book/exercise.py" --build "$build" "$1"
