#!/usr/bin/env bash
# Packs the programs and libraries: a Debian package for the release it runs on, and on Debian 12 a .tar.gz
# that runs on any Linux with the C library of Debian 12 or a later one.
set -euo pipefail
# shellcheck source=scripts/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

if (($# > 0)); then
  echo "usage: scripts/package.sh
Builds build/package, without CUDA, and writes the packages to build/package/packages.
DEBFULLNAME and DEBEMAIL are the maintainer of the Debian package."
  [[ $1 == --help || $1 == -h ]] && exit 0
  exit 2
fi

package_packages=(
  "dpkg-dev |dpkg-shlibdeps |dpkg-shlibdeps"
  "lintian  |lintian        |lintian        |the check of the Debian package"
)
install_packages "${build_packages[@]}" "${package_packages[@]}"
build=$build/package
maintainer="${DEBFULLNAME:-The Osteon authors} <${DEBEMAIL:-osteon@localhost}>"
checking=(--fail-on error)
[[ -n ${DEBEMAIL:-} ]] || checking+=(--suppress-tags "bogus-mail-host,bogus-mail-host-in-debian-changelog")

# pack WHAT KIND
pack() {
  configure_build -DOSTEON_CUDA=OFF -DOSTEON_TESTS=OFF -DOSTEON_EXAMPLES=OFF -DOSTEON_BENCH=OFF -DOSTEON_PACKAGE="$2" \
    -DOSTEON_MAINTAINER="$maintainer"
  run_step "compiling for the $1" build cmake --build "$build" --parallel "$(compile_jobs)"
  run_step "packing the $1" cpack cpack --config "$build/CPackConfig.cmake"
}

pack "Debian package" DEB
if command -v lintian >/dev/null; then
  run_step "checking it" lintian lintian "${checking[@]}" "$build"/packages/*.deb
fi
# shellcheck disable=SC1090
if (. "$os_release" && [[ ${ID:-}-${VERSION_ID:-} == debian-12 ]]); then
  pack "archive" TGZ
else
  echo "note: the archive is built on Debian 12 only, so that it runs on later systems, too"
fi
ls -l "$build"/packages/*.deb "$build"/packages/*.tar.gz 2>/dev/null || true
