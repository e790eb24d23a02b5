"""scripts/gpu_check/check.py without a GPU: fake programs replace all that it calls. ctest runs it;
by hand: python3 tests/scripts/gpu_check_test.py"""

import contextlib
import functools
import io
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import time
import types
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "scripts/gpu_check"))

import check as gpu_check  # noqa: E402
import items as gpu_check_items  # noqa: E402
import machine as gpu_check_machine  # noqa: E402
import report as gpu_check_report  # noqa: E402

# The fake of every program, chosen by its name. The variable FAKE_<name> makes it fail; `calls` records the calls.
FAKE = r"""#!/bin/bash
name=$(basename "$0")
here=$FAKES
echo "$name $*${OSTEON_CUDA_ALLOCATOR:+ with $OSTEON_CUDA_ALLOCATOR tensors}" >>"$here/calls"
variable=FAKE_${name//-/_}
how=${!variable}
out=
for ((i = 1; i <= $#; ++i)); do [[ ${!i} == --out ]] && { j=$((i + 1)); out=${!j}; }; done
[[ $how == fail ]] && { echo "$name: something is wrong" >&2; exit 1; }
cases() { echo "[doctest] test cases: $1 | $1 passed | 0 failed | 0 skipped"; echo "[doctest] assertions: $1 | $1 passed"; }
metrics='{"image": {"n": 30, "auroc": 0.9}, "study": {"n": 20, "auroc": 0.95}}'
case $name in
  nvidia-smi) echo "${FAKE_GPU:-Fake H100}, 9.0, ${FAKE_DRIVER:-580.1}, 81559" ;;
  nvcc) echo "Cuda compilation tools, release 13.0, V13.0.88" ;;
  cmake)
    if [[ $1 == -S ]]; then
      mkdir -p "$4" && touch "$4/CMakeCache.txt"
      echo "-- osteon   cuda         ${FAKE_CUDA:-13.0, architectures 90}"
    else
      mkdir -p "$2/bin/tests"
      for program in bench_model train_mura eval_mura make_demo_data; do cp "$0" "$2/bin/$program"; done
      for program in "${@:6}"; do cp "$0" "$2/bin/tests/$program"; done
    fi
    ;;
  bench_model)
    echo '{"device": "Fake H100", "images_per_second": 300, "peak_bytes": 2000000000}'
    ;;
  python)
    [[ $1 == -c ]] && exit 0
    echo '{"device": "Fake H100", "images_per_second": 200, "peak_bytes": 4000000000, "torch": "2", "cuda": "13", "cudnn": 9}'
    ;;
  compute-sanitizer)
    [[ $1 == --help ]] && { echo "  ${FAKE_FILTER:---kernel-name} arg"; exit 0; }
    while [[ $1 != /* ]]; do shift; done
    "$@"
    echo "========= ERROR SUMMARY: ${FAKE_FINDINGS:-0} errors"
    ;;
  cuda_*_test)
    [[ $how == skip ]] && echo "tests/cuda/cuda_device.h:17: MESSAGE: skipped: there is no CUDA device"
    cases 7
    ;;
  make_demo_data) mkdir "$out" ;;
  train_mura)
    mkdir -p "$out/last" "$out/best"
    echo "weights" >"$out/last/model.safetensors"
    if [[ $how == differ ]]; then echo "$out" >>"$out/last/model.safetensors"; fi
    loss=0.7
    [[ $how == other_images && $* == *cuda* ]] && loss=0.69
    for step in 1 2; do echo "{\"split\": \"train\", \"loss\": $loss, \"data_wait\": 0.5}"; done >"$out/log.jsonl"
    echo "{\"split\": \"val\", \"train_loss\": 0.7, \"images_per_second\": 900, \"seconds\": 9, \"peak_bytes\": 1," \
      "\"auroc\": 0.8}" >>"$out/log.jsonl"
    if [[ $* == *--autotune* ]]; then rm -f "$out/starts"; fi
    if [[ $* == *--autotune* || $* == *--resume* ]]; then
      echo start >>"$out/starts"
      [[ $how == ends ]] && exit 0
      starts=$(wc -l <"$out/starts")
      [[ $how == refused ]] && echo "warning: stored plans that cuDNN refuses, the first one: x"
      if ((starts < 3)); then
        echo "$starts" >"$out/pointers.json"
        exec sleep 100
      fi
    fi
    if [[ $out == *nearly-full-2 && $how == full ]]; then echo "cuda:0: out of memory: asked"; exit 1; fi
    if [[ $out == *nearly-full-2 && $how == fault ]]; then echo "an illegal memory access"; exit 1; fi
    echo "$metrics" >"$out/metrics.json"
    ;;
  eval_mura) mkdir "$out" && echo "$metrics" >"$out/metrics.json" ;;
esac
"""


# The driver's functions that nearly_full.py calls: 4 GB are free, of which the first run of a program needs nothing.
DRIVER = r"""
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <string>
extern "C" {
int cuInit(unsigned) { return 0; }
int cuDevicePrimaryCtxRetain(void**, int) { return 0; }
int cuCtxSetCurrent(void*) { return 0; }
int cuMemGetInfo_v2(std::size_t* free, std::size_t* total) { return *free = *total = std::size_t{4} << 30, 0; }
int cuMemAlloc_v2(unsigned long long*, std::size_t bytes) {
  std::FILE* const calls = std::fopen((std::string(std::getenv("FAKES")) + "/calls").c_str(), "a");
  std::fprintf(calls, "cuMemAlloc %zu\n", bytes);
  return std::fclose(calls);
}
}
"""


@functools.cache
def driver_folder():
    """The folder of a fake libcuda."""
    folder = tempfile.TemporaryDirectory()
    source, library = pathlib.Path(folder.name, "driver.cpp"), pathlib.Path(folder.name, "libcuda.so.1")
    source.write_text(DRIVER, encoding="utf-8")
    subprocess.run([os.environ.get("CXX", "c++"), "-shared", "-fPIC", source, "-o", library], check=True)
    return folder


class Pretended(unittest.TestCase):
    """A folder with the fake programs, in which gpu_check.sh is called."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        toolkit = self.folder / "toolkit"
        for path in ["fakes/nvidia-smi", "fakes/cmake", "fakes/compute-sanitizer", "fakes/python", "toolkit/bin/nvcc"]:
            program = self.folder / path
            program.parent.mkdir(parents=True, exist_ok=True)
            program.write_text(FAKE, encoding="utf-8")
            program.chmod(0o755)
        (toolkit / "include").mkdir()
        (toolkit / "include/cudnn_version.h").write_text(
            "#define CUDNN_MAJOR 9\n#define CUDNN_MINOR 19\n#define CUDNN_PATCHLEVEL 0\n", encoding="utf-8")
        self.report_path = self.folder / "report.json"

    def check(self, *words, **environment):
        """Calls gpu_check.sh; returns exit status and output."""
        libraries = f"{driver_folder().name}:{os.environ.get('LD_LIBRARY_PATH', '')}"
        path = f"{self.folder / 'fakes'}:{self.folder / 'toolkit/bin'}:{os.environ['PATH']}"
        command = [str(ROOT / "scripts/gpu_check.sh"), "--build", str(self.folder / "build"), "--rounds", "1",
                   "--python", str(self.folder / "fakes/python"), *map(str, words)]
        if "--resume" not in words:
            command += ["--report", str(self.report_path)]
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300,
                              env={**os.environ, "PATH": path, "FAKES": str(self.folder), "CUDA_VISIBLE_DEVICES": "0",
                                   "LD_LIBRARY_PATH": libraries,
                                   **environment})
        return done.returncode, done.stdout + done.stderr

    def report(self):
        return json.loads(self.report_path.read_text(encoding="utf-8"))

    def items(self):
        return {item["name"]: item for item in self.report()["items"]}

    def calls(self):
        return (self.folder / "calls").read_text(encoding="utf-8").splitlines()


class WholeRuns(Pretended):
    def test_items_run_in_order_of_importance(self):
        status, output = self.check()
        self.assertEqual(status, 0, output)
        report = self.report()
        self.assertEqual([], report["not_run"])
        self.assertEqual({"passed"}, {item["status"] for item in report["items"]})
        names = list(self.items())
        worth = ["configure", "programs", "tests", "accumulated steps, as on the CPU", "tuned, killed and resumed twice",
                 "partial batch at nearly full memory", "recorded and by call, same weights", "cuda_ops_test",
                 "two runs, same weights", "cuda_nccl_test",
                 "train bf16, 224 px, batch 256: ours, round 1", "train bf16, 224 px, batch 256: eager, round 1",
                 "train bf16, 224 px, batch 256: compiled, round 1", "start, cold and warm plan cache",
                 "infer bf16, 224 px, batch 256: ours, round 1", "train and evaluate", "memcheck, our kernels",
                 "racecheck, our kernels", "synccheck, our kernels", "train bf16, 320 px, batch 256: ours, round 1",
                 "train bf16, 224 px, batch 64: ours, round 1", "train fp32, 224 px, batch 256: ours, round 1",
                 "train tf32, 224 px, batch 256: ours, round 1", "memcheck, all kernels"]
        self.assertEqual(worth, sorted(worth, key=names.index))
        self.assertLessEqual({file.stem for file in (ROOT / "tests/cuda").glob("cuda_*_test.cpp")}, set(names))
        self.assertEqual(24 * 4, sum(item["stage"] == "bench" for item in report["items"]) - 1)  # and the start
        self.assertEqual(1, sum(call.startswith("make_demo_data") for call in self.calls()))
        sanitized = [call for call in self.calls() if call.startswith("compute-sanitizer --tool")]
        self.assertEqual([True, True, True, False], ["--kernel-name kns=osteon" in call for call in sanitized])
        self.assertEqual([True, False, False, True], ["with separate tensors" in call for call in sanitized])
        # All but 32 MB is taken, in pieces of at most 1 GB.
        taken = [int(call.split()[1]) for call in self.calls() if call.startswith("cuMemAlloc")]
        self.assertEqual([1 << 30] * 3 + [(1 << 30) - (32 << 20)], taken)
        resumed = [call for call in self.calls() if "runs/tuned --resume" in call]
        self.assertEqual(2, len(resumed))

    def test_faults_are_reported(self):
        ops, weights, race = "cuda_ops_test", "two runs, same weights", "racecheck, our kernels"
        tuned, full = "tuned, killed and resumed twice", "partial batch at nearly full memory"
        nccl = "cuda_nccl_test"
        stages = {"configure": ["build"], race: ["build", "sanitize"], nccl: ["build", "multi"]}
        rows = [
            # fault, item, status, reason in the report
            ({"FAKE_cuda_ops_test": "skip"}, ops, "skipped", "there is no CUDA device"),
            ({"FAKE_cuda_ops_test": "fail"}, ops, "failed", "cuda_ops_test: exit status 1: cuda_ops_test: something is wrong"),
            ({"FAKE_cuda_nccl_test": "skip"}, nccl, "skipped", "there is no CUDA device"),
            ({"FAKE_cuda_nccl_test": "fail"}, nccl, "failed", "cuda_nccl_test: exit status 1"),
            ({"FAKE_FINDINGS": "3"}, race, "failed", "compute-sanitizer found 3"),
            ({"FAKE_train_mura": "differ"}, weights, "failed", "have different weights"),
            ({"FAKE_train_mura": "differ"}, "recorded and by call, same weights", "failed", "have different weights"),
            ({"FAKE_train_mura": "other_images"}, "accumulated steps, as on the CPU", "failed",
             "the losses of accumulate-2-cuda differ from those of accumulate-2-cpu by 0.014"),
            ({"FAKE_train_mura": "refused"}, tuned, "failed", "cuDNN refused plans that were stored with the run"),
            ({"FAKE_train_mura": "ends"}, tuned, "failed", "start 1 wrote no checkpoint"),
            ({"FAKE_train_mura": "full"}, full, "passed", ""),
            ({"FAKE_train_mura": "fault"}, full, "failed", "exit status 1 with 33554432 bytes of memory"),
            ({"FAKE_make_demo_data": "fail"}, weights, "failed", "make_demo_data: exit status 1"),
            ({"FAKE_CUDA": "off (no cuDNN)"}, "configure", "failed", "CUDA is off (no cuDNN)"),
        ]
        for environment, name, expected, why in rows:
            with self.subTest(environment=environment, item=name):
                self.report_path.unlink(missing_ok=True)
                shutil.rmtree(self.folder / "build", ignore_errors=True)
                words = [word for stage in stages.get(name, ["build", "ops"]) for word in ("--stage", stage)]
                status, output = self.check(*words, **environment)
                item = self.items()[name]
                self.assertEqual(expected, item["status"], output)
                self.assertIn(why, item["why"])
                self.assertEqual(0 if expected == "passed" else 1, status)

    def test_an_old_sanitizer_has_no_filter(self):
        self.assertEqual(0, self.check("--stage", "build", "--stage", "sanitize", FAKE_FILTER="--kernel-regex")[0])
        self.assertFalse([call for call in self.calls() if "--kernel-name" in call])
        self.assertEqual({"passed"}, {item["status"] for item in self.items().values()})

    def test_libraries_of_pip_packages_are_found(self):
        nvidia = self.folder / "nvidia"
        for name in ("cudnn", "cublas", "cu13", "cuda_nvrtc", "nccl"):
            (nvidia / name / "lib").mkdir(parents=True)
        machine = gpu_check_machine.Machine(
            gpu=None, nvcc=self.folder / "toolkit/bin/nvcc", cuda=None, cudnn_root=nvidia / "cudnn", cudnn=None,
            sanitizer=None, sanitizer_filters=False, packages=[nvidia], python=None, processor="p", cores=1)
        (self.folder / "toolkit/lib64").mkdir()
        self.assertEqual([str(self.folder / name) for name in
                          ("nvidia/cudnn/lib", "toolkit/lib64", "nvidia/cu13/lib", "nvidia/cublas/lib",
                           "nvidia/cuda_nvrtc/lib", "nvidia/nccl/lib")], machine.library_folders())

    def test_without_a_gpu_only_the_build_is_tried(self):
        status, output = self.check(FAKE_nvidia_smi="fail")
        self.assertEqual(1, status)
        self.assertEqual("no GPU was found: only the build can be tried", output.splitlines()[0])
        self.assertEqual(["configure", "programs", "tests"], list(self.items()))
        self.assertEqual({"there is no GPU"}, {each["why"] for each in self.report()["not_run"]})
        self.assertEqual(set(gpu_check_items.STAGES) - {"build"}, {each["stage"] for each in self.report()["not_run"]})

    def test_a_build_that_fails_leaves_the_rest_out(self):
        status, _ = self.check("--stage", "build", "--stage", "ops", FAKE_cmake="fail")
        self.assertEqual(1, status)
        why = {each["name"]: each["why"] for each in self.report()["not_run"]}
        self.assertIn("CMakeCache.txt is not there", why["programs"])
        self.assertIn("bin/tests/cuda_ops_test is not there", why["cuda_ops_test"])
        self.assertEqual("its stage was not requested", why["train and evaluate"])

    def test_a_resumed_run_continues(self):
        chosen = ["--stage", "build", "--stage", "ops"]
        status, _ = self.check(*chosen, FAKE_cuda_training_test="fail")
        self.assertEqual(1, status)
        before = len(self.calls())
        status, output = self.check(*chosen, "--resume", self.report_path)
        self.assertEqual(0, status, output)
        called = [call.split()[0] for call in self.calls()[before:]]
        self.assertIn("cmake", called)  # the build is brought up to date each time
        self.assertIn("cuda_training_test", called)
        self.assertNotIn("cuda_ops_test", called)
        self.assertNotIn("train_mura", called)

    def test_a_report_is_not_mixed_or_overwritten(self):
        self.assertEqual(0, self.check("--stage", "build")[0])
        status, output = self.check("--stage", "build")
        self.assertEqual(2, status)
        self.assertIn("exists already", output)
        status, output = self.check("--stage", "build", "--resume", self.report_path, FAKE_GPU="Fake H200")
        self.assertEqual(1, status)
        self.assertIn("was made with Fake H100, but this machine has Fake H200", output)
        self.assertEqual(0, self.check("--stage", "build", "--resume", self.report_path, FAKE_DRIVER="580.2")[0])
        self.assertEqual("580.1, 580.2", self.report()["machine"]["gpu"]["driver"])
        self.report_path.write_text("{}", encoding="utf-8")
        self.assertEqual(1, self.check("--resume", self.report_path)[0])


class Outputs(unittest.TestCase):
    """The reading of a program's output."""

    def test_figures_or_the_reason_for_none(self):
        def cases(n):
            return f"[doctest] test cases: {n} | {n} passed | 0 failed | 0 skipped\n[doctest] assertions: {n} | {n} passed"

        on_gpu, tests = gpu_check_items.on_gpu, gpu_check_items.doctest_figures
        start, sanitizer = gpu_check_items.start_figures, gpu_check_items.sanitizer_figures
        fast, slow = '{"device": "G", "x": 1}', '{"device": "G", "x": 2}'
        rows = [
            (on_gpu, f"{fast}\n{{a warning", {"device": "G", "x": 1}),
            (on_gpu, '{"device": "cpu"}', "was measured on cpu"),
            (on_gpu, "Segmentation fault", "printed no line of JSON"),
            (start, f"{slow}\n{fast}\n", {"cold": {"device": "G", "x": 2}, "warm": {"device": "G", "x": 1}}),
            (start, f"{slow}\n", "printed no line of JSON"),
            (tests, cases(7), {"cases": 7, "assertions": 7}),
            (tests, cases(0), "checked nothing"),
            (tests, "", "checked nothing"),
            (tests, f"a.h:1: MESSAGE: skipped: no device\n{cases(7)}", "no device"),
            (sanitizer, f"{cases(7)}\n== ERROR SUMMARY: 0 errors", {"cases": 7, "assertions": 7, "findings": 0}),
            (sanitizer, f"{cases(7)}\n== RACECHECK SUMMARY: 2 hazards displayed (0 errors, 2 warnings)", "found 2"),
            (sanitizer, cases(7), "no summary"),
            (gpu_check_items.check_configuration, "-- osteon   cuda         off (no cuDNN)", "CUDA is off (no cuDNN)"),
        ]
        for read, output, expected in rows:
            with self.subTest(read=read.__name__, output=output):
                if isinstance(expected, dict):
                    self.assertEqual(expected, read(output))
                else:
                    with self.assertRaisesRegex((gpu_check_items.Failed, gpu_check_items.Skipped), re.escape(expected)):
                        read(output)


class Time(unittest.TestCase):
    """Items defined here, so that their duration is known."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        gpu = gpu_check_machine.Gpu("Fake H100", "9.0", "580.1", 81559)
        machine = types.SimpleNamespace(gpu=gpu, cuda="13.0", cudnn="9", processor="p", cores=1)
        self.site = types.SimpleNamespace(root=self.folder, build=self.folder, bundle=None, machine=machine)

    def run_items(self, items, seconds=1e9, resumed=False):
        path = self.folder / "report.json"
        report = gpu_check_report.Report(path, self.site, path if resumed else None)
        runner = gpu_check.Runner(self.site, report, gpu_check_items.STAGES, time.monotonic() + seconds)
        with contextlib.redirect_stdout(io.StringIO()) as output:
            passed = runner.run_all(items)
        return passed, gpu_check_report.read(path), output.getvalue()

    @staticmethod
    def item(name, command="true", **more):
        return gpu_check_items.Item(name, "ops", [["sh", "-c", command]], **{"limit": 60, "least": 0, **more})

    def test_an_item_ends_at_its_own_limit(self):
        passed, report, _ = self.run_items([self.item("slow", "sleep 30", limit=1), self.item("quick")])
        self.assertFalse(passed)
        self.assertEqual([("slow", "failed", "took longer than 1 s"), ("quick", "passed", "")],
                         [(item["name"], item["status"], item["why"]) for item in report["items"]])

    def test_items_without_enough_time_do_not_run(self):
        items = [self.item("cut", "sleep 30"), self.item("long", least=20), self.item("next")]
        passed, report, _ = self.run_items(items, seconds=1)
        self.assertFalse(passed)
        self.assertEqual([], report["items"])
        self.assertEqual([("cut", "the time was used up after 1 s of it"), ("long", "the time was used up"),
                          ("next", "the time was used up")],
                         [(each["name"], each["why"]) for each in report["not_run"]])
        # An item that failed comes last in a resumed run.
        _, _, output = self.run_items([self.item("cut"), self.item("long"), self.item("next")], resumed=True)
        self.assertEqual(["long", "next", "cut"], [line.split("ops: ")[1].split(" ...")[0]
                                                   for line in output.splitlines()])

    def test_the_report_is_complete_at_any_moment(self):
        look = f"cp {self.folder}/report.json {self.folder}/seen.json"
        self.run_items([self.item("first", "echo done"), self.item("second", look), self.item("third")])
        seen = gpu_check_report.read(self.folder / "seen.json")
        self.assertEqual(["first"], [item["name"] for item in seen["items"]])
        self.assertEqual("done\n", seen["items"][0]["output_tail"])
        self.assertEqual([("second", "the run ended before it"), ("third", "the run ended before it")],
                         [(each["name"], each["why"]) for each in seen["not_run"]])


class Page(unittest.TestCase):
    def test_figures_come_from_the_report(self):
        def measured(contender, number, speed, gigabytes):
            about = {**gpu_check_items.CONFIGURATIONS[0], "contender": contender, "round": number}
            figures = {"images_per_second": speed, "peak_bytes": gigabytes * 1e9, "torch": "2.11", "cuda": "13.0",
                       "cudnn": 91900, "start_seconds": 4, "first_step_seconds": 5}
            return {"name": f"{contender} {number}", "stage": "bench", "status": "passed", "why": "", "seconds": 1,
                    "figures": figures, "about": about, "source": "abc", "commands": []}

        items = [measured("ours", 1, 3000, 20), measured("ours", 2, 3300, 20), measured("ours", 3, 2900, 20),
                 measured("tuned", 1, 3600, 21), measured("eager", 1, 2000, 25), measured("compiled", 1, 2400, 24)]
        items.append({"name": "cuda_ops_test", "stage": "ops", "status": "skipped", "why": "no | device", "seconds": 2,
                      "figures": {}, "about": {}, "source": "abc", "commands": []})
        page = gpu_check_report.markdown({
            "begun": "2026-01-02T03:04:05Z", "items": items,
            "machine": {"gpu": {"name": "Fake H100", "compute_capability": "9.0", "driver": "580.1", "memory_mib": 81559},
                        "cuda": "13.0", "cudnn": "9.19.0", "processor": "p", "cores": 16},
            "not_run": [{"name": f"infer: {who}", "why": "the time was used up"} for who in ("ours", "eager")]})
        self.assertIn("# Fake H100, 2026-01-02", page)
        self.assertIn("| train bf16, 224 px, batch 256 | 3,000 | 3,600 | 2,000 | 2,400 | 1.50 | 1.80 | 1.50 |"
                      " 20.0 | 21.0 | 25.0 | 24.0 | 0.84 | 3/1/1/1 |", page)
        self.assertIn("13.3 % apart", page)
        self.assertIn("2.11, its CUDA 13.0, its cuDNN 91900", page)
        self.assertIn("| cuda_ops_test | skipped | 2 | no \\| device |", page)
        self.assertIn("* the time was used up: infer (2 runs)", page)


class SampledImages(unittest.TestCase):
    def test_images_are_evenly_spaced_and_lists_name_only_these(self):
        with tempfile.TemporaryDirectory() as folder:
            data, out = pathlib.Path(folder, "MURA"), pathlib.Path(folder, "out")
            names = [f"train/XR_WRIST/patient{i}/study1_{'negative' if i % 2 else 'positive'}/image1.png"
                     for i in range(8)]
            for name in names:
                (data / name).parent.mkdir(parents=True)
                (data / name).write_bytes(name.encode())
            (data / "studies.csv").write_text(
                "".join(f"MURA/{pathlib.PurePath(name).parent}/,1\n" for name in names), encoding="utf-8")
            subprocess.run([sys.executable, ROOT / "scripts/sample_images.py", "--data", data, "--out", out, "--count",
                            "4"], check=True, capture_output=True)
            taken = sorted(path.relative_to(out).as_posix() for path in out.rglob("*.png"))
            self.assertEqual(names[::2], taken)
            self.assertEqual("".join(f"MURA/{pathlib.PurePath(name).parent}/,1\n" for name in taken),
                             (out / "studies.csv").read_text(encoding="utf-8"))


if __name__ == "__main__":
    unittest.main()
