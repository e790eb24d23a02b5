#!/usr/bin/env bash
# Installs the Debian packages the build lacks (as root or by sudo) and builds build/.
set -euo pipefail
# shellcheck source=scripts/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

if (($# > 0)); then
  echo "usage: scripts/setup.sh
Installs the Debian packages the build lacks (as root or by sudo; without either it names them and
stops), configures build/ and builds the library, the programs, the tests and the benchmarks.
The programs are in build/bin, the logs in build/log."
  [[ $1 == --help || $1 == -h ]] && exit 0
  exit 2
fi

build_target all
