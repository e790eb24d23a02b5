#!/usr/bin/env bash
# Fills a folder with the files for building Osteon on a machine with a GPU but without network and
# Debian's packages: headers, libraries, NVIDIA's cudnn-frontend, optionally radiographs.
set -euo pipefail
# shellcheck source=scripts/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

usage="usage: scripts/gpu_bundle.sh [--images DIR [--count N]] [--tar FILE] [OUT_DIR]
Installs the Debian packages it copies files from, fills OUT_DIR (default: build-bundle/, where
scripts/gpu_check.sh looks for it) anew and prints its size, packed together with the sources. A size above
60 MB is an error.
  --images DIR   also copy the radiographs of this data set, in its layout; gpu_check.sh trains on them
  --count N      N of them, evenly spaced (default: all)
  --tar FILE     pack sources and bundle into one .tar.gz, which unpacks as osteon/
cudnn-frontend comes from the folder CUDNN_FRONTEND_ROOT, otherwise from scripts/fetch_cudnn_frontend.sh."
limit=60000000

# One file of each package whose headers and CMake files are copied.
header_probes=(
  /usr/include/eigen3/Eigen/Core
  /usr/include/stb/stb_image.h
  /usr/include/doctest/doctest.h
  /usr/include/CLI/CLI.hpp
  /usr/include/nlohmann/json.hpp
  /usr/include/jpeglib.h
  /usr/include/zlib.h
  /usr/include/zip.h
)
# Linked libraries, and the libraries that they need.
libraries=(jpeg z zip)

wrong_usage() {
  echo "gpu_bundle.sh: $* (--help shows the usage)" >&2
  exit 2
}

out=
images=
count=0
archive=
while (($# > 0)); do
  case $1 in
    --help | -h) echo "$usage" && exit 0 ;;
    --images=* | --count=* | --tar=*) set -- "${1%%=*}" "${1#*=}" "${@:2}" && continue ;;
    --images | --count | --tar)
      (($# >= 2)) || wrong_usage "$1 needs a value"
      case $1 in
        --images) images=$2 ;;
        --count) count=$2 ;;
        --tar) archive=$2 ;;
      esac
      shift
      ;;
    -*) wrong_usage "unknown option $1" ;;
    *)
      [[ -z $out ]] || wrong_usage "one OUT_DIR, not also $1"
      out=$1
      ;;
  esac
  shift
done
[[ $count =~ ^[0-9]+$ ]] || wrong_usage "--count $count: expected a number"
[[ -z $images || -d $images ]] || fail "--images $images: there is no such folder"
[[ -n $out ]] || out=$root/build-bundle
command -v dpkg >/dev/null || fail "dpkg was not found: the files are taken from Debian's packages"

# A folder of an earlier call is replaced; any other folder is an error.
contents=$out/contents.txt
if [[ -e $out && -n $(ls -A "$out") ]]; then
  [[ -e $contents ]] || fail "$out exists, but this script did not fill it; give another OUT_DIR"
  rm -r "$out"
fi
mkdir -p "$out/usr/include" "$out/usr/lib"

# copy_headers PACKAGE: copies headers and CMake files. Those in a folder of this processor
# architecture go to the general folder, because a compiler does not search an architecture's
# subfolder of a bundle.
copy_headers() {
  local file
  dpkg -L "$1" | grep -E '^/usr/(include|(lib|share)/([^/]+/)?cmake)/' | grep -v /unsupported/ |
    while read -r file; do
      [[ -f $file ]] || continue
      # shellcheck disable=SC2001  # a regular expression
      install -D -m 644 "$file" "$out$(sed "s,/$multiarch/,/," <<<"$file")"
    done
  # One CMake file contains its installation folder; replace this by the folder of the file.
  find "$out/usr" -name '*.cmake' -exec sed -i \
    's,^set(_IMPORT_PREFIX "/usr"),get_filename_component(_IMPORT_PREFIX "${CMAKE_CURRENT_LIST_DIR}/../../.." ABSOLUTE),' {} +
  install -D -m 644 "/usr/share/doc/$1/copyright" "$out/usr/share/doc/$1/copyright"
  dpkg-query -W -f '${Package} ${Version}\n' "$1" >>"$contents"
}

# copy_library FILE NAME...: copies the library under each of the names. No links, because not every
# way to copy a folder keeps them.
copy_library() {
  local file=$1 name package
  shift
  for name in "$@"; do
    install -m 644 "$(realpath "$file")" "$out/usr/lib/$name"
  done
  package=$(dpkg -S "*/$(basename "$(realpath "$file")")" | head -n 1 | cut -d: -f1)
  install -D -m 644 "/usr/share/doc/$package/copyright" "$out/usr/share/doc/$package/copyright"
}

copy_libraries() {
  local library file soname needed
  for library in "${libraries[@]}"; do
    file=/usr/lib/$multiarch/lib$library.so
    soname=$(objdump -p "$file" | awk '$1 == "SONAME" {print $2}')
    copy_library "$file" "lib$library.so" "$soname"
    # Libraries that every recent Linux has are left out.
    ldd "$file" | awk '$2 == "=>" && $1 !~ /^lib(c|m|dl|pthread|rt|gcc_s|stdc[+][+])[.]so/ {print $1, $3}' |
      while read -r soname needed; do
        copy_library "$needed" "$soname"
      done
  done
}

copy_cudnn_frontend() {
  local from=${CUDNN_FRONTEND_ROOT:-}
  if [[ -z $from ]]; then
    "$root/scripts/fetch_cudnn_frontend.sh"
    from=$root/.cache/cudnn-frontend
  fi
  [[ -e $from/include/cudnn_frontend.h ]] || fail "$from/include/cudnn_frontend.h: there is no such file"
  mkdir -p "$out/cudnn-frontend"
  cp -r "$from/include" "$out/cudnn-frontend/include"
  find "$from" -maxdepth 1 -iname 'licen[sc]e*' -exec cp {} "$out/cudnn-frontend/" ';'
  grep -h -E 'define CUDNN_FRONTEND_(MAJOR|MINOR|PATCH)_VERSION' "$from/include/cudnn_frontend_version.h" |
    awk '{version = version "." $3} END {print "cudnn-frontend", substr(version, 2)}' >>"$contents"
}

# The tree's files and the bundle as one archive. The file of --tar may be in the tree but is not
# part of it.
pack() {
  local unpacked
  unpacked=$(mktemp)
  git -C "$root" ls-files -z |
    tar -C "$root" --null -T - --transform 's,^,osteon/,S' -cf "$unpacked"
  tar -C "$out" --transform 's,^[.],osteon/build-bundle,S' -rf "$unpacked" .
  gzip -9 <"$unpacked"
  rm "$unpacked"
}

install_packages "${build_packages[@]}"
multiarch=$(g++ -print-multiarch)
echo "Files with which scripts/gpu_check.sh builds on a machine without Debian's packages; from:" >"$contents"
for probe in "${header_probes[@]}"; do
  copy_headers "$(dpkg -S "$probe" | head -n 1 | cut -d: -f1)"
done
copy_libraries
copy_cudnn_frontend
# The version of the sources: an unpacked archive has no git history.
echo "osteon $(git -C "$root" describe --always --dirty --abbrev=12)" >>"$contents"
if [[ -n $images ]]; then
  python3 "$root/scripts/sample_images.py" --data "$images" --out "$out/images" --count "$count"
fi

packed=${archive:-$(mktemp)}
pack >"$packed"
size=$(stat -c %s "$packed")
[[ -n $archive ]] || rm "$packed"
printf '%s: %d files, %.1f MB; packed with the sources %.1f MB\n' "$out" "$(find "$out" -type f | wc -l)" \
  "$(du -sb "$out" | awk '{print $1 / 1e6}')" "$(awk "BEGIN {print $size / 1e6}")"
if ((size > limit)); then
  [[ -z $archive ]] || rm "$archive"
  fail "that is more than 60 MB: take fewer radiographs (--count)"
fi
[[ -z $archive ]] || echo "packed: $archive"
