"""Tests how scripts/lib.sh installs packages, with fake programs instead of apt-get, sudo and id. ctest runs it;
by hand: python3 tests/scripts/scripts_test.py"""

import fcntl
import pathlib
import shutil
import subprocess
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
TOOLS = ["bash", "basename", "cat", "dirname", "env", "grep", "head", "mkdir", "paste", "sed", "stat", "tail", "touch"]

# The fake of every program, chosen by its name; `calls` records the calls. An installed package is a file
# in the folder `there`.
FAKE = r"""#!/bin/bash
name=$(basename "$0")
echo "$name $*" >>"$FAKES/calls"
case $name in
  id) echo "$FAKE_USER" ;;
  sudo)
    if [[ $1 == -n ]]; then [[ $FAKE_SUDO == free ]]; exit; fi
    if [[ $1 == -v ]]; then [[ $FAKE_SUDO == password ]]; exit; fi
    exec "$@"
    ;;
  apt-cache) [[ " $FAKE_UNKNOWN " != *" $2 "* ]] ;;
  apt-get)
    if [[ $* == *update* ]]; then [[ $FAKE_APT != *resolving* ]] || echo "$FAKE_APT"; exit 0; fi
    if [[ -n $FAKE_APT ]]; then echo "$FAKE_APT"; exit 100; fi
    for word in "$@"; do [[ $word != m[ua]* ]] || touch "$FAKES/there/$word"; done
    ;;
esac
"""

NO_NETWORK = "W: Temporary failure resolving 'somewhere'\nE: Unable to locate package must"


class Packages(unittest.TestCase):
    """A copy of lib.sh in a folder with a space in its name, called from another folder."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="a space ")
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        for name in ["scripts", "there", "fakes", "tools"]:
            (self.folder / name).mkdir()
        shutil.copy(ROOT / "scripts/lib.sh", self.folder / "scripts")
        for tool in TOOLS:
            (self.folder / "tools" / tool).symlink_to(shutil.which(tool))
        for name in ["id", "sudo", "apt-get", "apt-cache"]:
            self.pretend(name)

    def pretend(self, name):
        program = self.folder / "fakes" / name
        program.write_text(FAKE, encoding="utf-8")
        program.chmod(0o755)

    def call(self, commands, **environment):
        """Sources lib.sh and runs the commands; returns exit status and output."""
        words = {"PATH": f"{self.folder}/fakes:{self.folder}/tools", "FAKES": str(self.folder), "FAKE_USER": "0",
                 "FAKE_SUDO": "", "FAKE_APT": "", "FAKE_UNKNOWN": "", **environment}
        script = f'set -euo pipefail\nsource "{self.folder}/scripts/lib.sh"\n{commands}'
        done = subprocess.run([self.folder / "tools/bash", "-c", script, "setup.sh"], cwd="/", env=words, timeout=60,
                              capture_output=True, text=True, check=False)
        return done.returncode, done.stdout + done.stderr

    def install(self, before=(), **environment):
        """Two packages, one of them optional."""
        for name in ["must", "may"]:
            (self.folder / "there" / name).unlink(missing_ok=True)
        for name in before:
            (self.folder / "there" / name).touch()
        (self.folder / "calls").write_text("", encoding="utf-8")
        return self.call('install_packages "must |$FAKES/there/must |Must 3.4 (must.h)" '
                         '"may |$FAKES/there/may |May 1.0 (may.h) |maps"\necho "went on"', **environment)

    def calls(self):
        return (self.folder / "calls").read_text(encoding="utf-8")

    def test_situations(self):
        user, free, password = {"FAKE_USER": "1000"}, {"FAKE_SUDO": "free"}, {"FAKE_SUDO": "password"}
        rows = [
            # situation, installed, environment, exit status, output, calls, absent calls
            ("nothing missing", ["must", "may"], {}, 0, [], [], ["apt-get"]),
            ("both missing, root", [], {}, 0, [], ["install -q -y --no-install-recommends must", "recommends may"],
             ["sudo"]),
            ("both missing, sudo", [], {**user, **password}, 0, ["installing must ..."], ["sudo -v", "recommends must"],
             []),
            ("both missing, no root", [], user, 1,
             ["apt-get install must\n", "and, optionally: may (maps)"], [], ["apt-get"]),
            ("optional missing, no root", ["must"], user, 0, ["note: going on without may (maps)"], [], ["apt-get"]),
            ("optional missing, sudo asks", ["must"], {**user, **password}, 0, ["going on without may (maps)"], [],
             ["sudo -v", "apt-get"]),
            ("optional missing, sudo free", ["must"], {**user, **free}, 0, [], ["recommends may"], []),
            ("optional missing, apt fails", ["must"], {"FAKE_APT": "E: dpkg was interrupted"}, 0,
             ["dpkg was interrupted (", "note: going on without may (maps)"], ["recommends may"], []),
            ("optional unknown here", [], {"FAKE_UNKNOWN": "may"}, 0, ["going on without may (maps)"],
             ["recommends must"], ["recommends may"]),
            ("no network", [], {"FAKE_APT": NO_NETWORK}, 1,
             ["apt-get did not reach its servers: is there a network?", "setup.sh: these packages are required: must"], [], []),
            ("no network, optional missing", ["must"], {"FAKE_APT": NO_NETWORK, "FAKE_UNKNOWN": "may"}, 0,
             ["is there a network?", "going on without may (maps)"], [], []),
            ("no package lists", [], {"FAKE_APT": "E: Unable to locate package must"}, 1,
             ["apt-get does not know all of them: is there a network"], [], []),
            ("lock held too long", [], {"FAKE_APT": "E: Could not get lock /var/lib/dpkg/lock-frontend."}, 1,
             ["another apt-get was at work for more than five minutes"], ["-o DPkg::Lock::Timeout=300 install"], []),
        ]
        for situation, before, environment, expected, said, called, not_called in rows:
            with self.subTest(situation):
                status, output = self.install(before, **environment)
                self.assertEqual(expected, status, output)
                self.assertEqual(expected == 0, "went on" in output, output)
                for text in said:
                    self.assertIn(text, output)
                for text in called:
                    self.assertIn(text, self.calls())
                for text in not_called:
                    self.assertNotIn(text, self.calls())

    def test_without_apt_get_the_missing_packages_are_named(self):
        for name in ["apt-get", "apt-cache"]:
            (self.folder / "fakes" / name).unlink()
        status, output = self.install()
        self.assertEqual(0, status, output)
        self.assertIn("note: not found in Debian's folders: must (Must 3.4 (must.h))", output)
        self.assertIn("note: optional and not found: may (May 1.0 (may.h))", output)
        self.assertIn("went on", output)

    def test_waits_for_a_lock(self):
        lock = self.folder / "lock"
        with open(lock, "w", encoding="utf-8") as held:
            for is_held in [False, True]:
                if is_held:
                    fcntl.lockf(held, fcntl.LOCK_EX)
                status, output = self.call(f'dpkg_lock="{lock}"\ntry_apt apt_install must')
                self.assertEqual(0, status, output)
                self.assertEqual(is_held, "another apt-get is at work; waiting up to five minutes" in output, output)

    def test_versions_of_debian_12(self):
        wanted = 'for_debian_12 "clang-99 |clang-99 |clang 99" "other |other |another"\necho "went on"'
        rows = [
            # os-release, whether it is installed, exit status
            ("ID=debian\nVERSION_ID=12", False, 0),
            ("ID=debian\nVERSION_ID=13", False, 1),
            ("ID=fedora\nVERSION_ID=12", False, 1),
            ("ID=debian", False, 1),
            ("ID=debian\nVERSION_ID=13", True, 0),
        ]
        for text, installed, expected in rows:
            with self.subTest(text):
                for name in ["clang-99", "other"] if installed else []:
                    self.pretend(name)
                release = self.folder / "os-release"
                release.write_text(text, encoding="utf-8")
                status, output = self.call(f'os_release="{release}"\n{wanted}')
                self.assertEqual(expected, status, output)
                self.assertEqual("went on\n" if expected == 0 else "setup.sh: is for the versions of Debian 12; not "
                                 "found here: clang 99, another\n", output)


if __name__ == "__main__":
    unittest.main()
