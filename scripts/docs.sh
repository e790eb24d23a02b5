#!/usr/bin/env bash
# Builds the site: README.md, docs/ with the book, and the reference of the installed headers, as pages that need no network.
set -euo pipefail
# shellcheck source=scripts/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

check=
if [[ ${1:-} == --check ]]; then
  check=yes
  shift
fi
if (($# > 1)) || [[ ${1:-} == -* ]]; then
  echo "usage: scripts/docs.sh [--check] [OUT]
Builds the site in OUT (default build/site): open OUT/index.html. Installs Debian's packages of Doxygen
and KaTeX (as root or by sudo) and MkDocs from PyPI into build/docs/venv. --check also opens each page
in Chromium (scripts/check_site.py), which it installs."
  [[ ${1:-} == --help || ${1:-} == -h ]] && exit 0
  exit 2
fi

out=$(realpath -m "${1:-$build/site}")
work=$build/docs
venv=$work/venv
requirements=$root/scripts/site/requirements.txt
katex=/usr/share/javascript/katex
install_packages "${site_packages[@]}" "${venv_packages[@]}"
[[ -z $check ]] || install_packages "${browser_packages[@]}"
cd "$root"

install_mkdocs() {
  python3 -m venv "$venv"
  "$venv/bin/pip" install --quiet --disable-pip-version-check -r "$requirements"
  cp "$requirements" "$venv/requirements.txt"
}
cmp -s "$requirements" "$venv/requirements.txt" || run_step "installing MkDocs in build/docs/venv" mkdocs-install install_mkdocs

# The layout of the repository, so that links between pages are the same.
copy_pages() {
  rm -rf "$work/pages" "$work/api"
  mkdir -p "$work/pages/assets" "$work/api"
  cp README.md CONTRIBUTING.md CHANGELOG.md "$work/pages"
  cp -r docs "$work/pages/docs"
  cp scripts/site/{site.css,formulas.js,iframe-worker.js,favicon.svg} "$work/pages/assets"
  mkdir "$work/pages/assets/katex"
  cp -rL "$katex"/katex.min.{css,js} "$work/pages/assets/katex"
  mkdir "$work/pages/assets/katex/fonts"
  cp -L "$katex"/fonts/*.woff2 "$work/pages/assets/katex/fonts"
  python3 scripts/site/api.py "$work/api" "$work/pages/api"
}
run_step "reading the headers" api copy_pages
# Without the notice of Material for MkDocs about its end of life.
export NO_MKDOCS_2_WARNING=1
run_step "writing $out" mkdocs "$venv/bin/mkdocs" build --strict --clean --site-dir "$out"
echo "The site is $out/index.html"
[[ -z $check ]] || scripts/check_site.py "$out"
