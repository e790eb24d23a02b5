#!/usr/bin/env bash
# Searches for defects: shellcheck on the scripts, clang-tidy (.clang-tidy) on the library and
# programs.
set -euo pipefail
# shellcheck source=scripts/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

if (($# > 0)); then
  echo "usage: scripts/lint.sh"
  [[ $1 == --help || $1 == -h ]] && exit 0
  exit 2
fi

for_debian_12 "${lint_packages[@]}"
install_packages "${build_packages[@]}" "${lint_packages[@]}" "${shellcheck_packages[@]}"
cd "$root"
run_step "shellcheck" shellcheck shellcheck -x scripts/*.sh .ci/run
# The compile commands for clang: without g++'s own options and precompiled headers, and each kernel
# once.
lint=$build/lint
configure_lint() {
  cmake -S "$root" -B "$lint" -DCMAKE_DISABLE_PRECOMPILE_HEADERS=ON
  python3 - "$lint/compile_commands.json" <<'EOF'
import json, pathlib, sys
path = pathlib.Path(sys.argv[1])
commands = {entry["file"]: entry for entry in json.loads(path.read_text())}
for entry in commands.values():
    entry["command"] = entry["command"].replace(" -fno-gnu-unique", "")
path.write_text(json.dumps(list(commands.values())))
EOF
}
run_step "configuring build/lint" configure-lint configure_lint
tidy() {
  # clang does not know g++'s warnings.
  find base tensor comm ops nn optim interop data eval train apps bench -name '*.cpp' -print0 |
    xargs -0 -P "$(compile_jobs)" -n 1 \
      clang-tidy-16 --quiet -p "$lint" --extra-arg=-Wno-unknown-warning-option
}
run_step "clang-tidy" clang-tidy tidy
