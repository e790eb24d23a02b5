"""Finds the GPU, the CUDA toolkit, cuDNN and PyTorch of this machine for scripts/gpu_check/check.py. Standard library only."""

import dataclasses
import os
import pathlib
import platform
import re
import shutil
import subprocess
import sys


def output_of(*command, seconds=120):
    """The output of a program, or None if it is missing, fails or takes too long."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=seconds, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() if done.returncode == 0 else None


@dataclasses.dataclass
class Gpu:
    name: str
    compute_capability: str  # for example 9.0
    driver: str
    memory_mib: int


@dataclasses.dataclass
class Machine:
    gpu: Gpu | None
    nvcc: pathlib.Path | None
    cuda: str | None  # the toolkit's version
    cudnn_root: pathlib.Path | None  # only if cuDNN is not part of the toolkit or of the system
    cudnn: str | None  # its version
    sanitizer: str | None
    sanitizer_filters: bool  # whether it has --kernel-name
    packages: list[pathlib.Path]  # the folders `nvidia` of pip packages
    python: str | None  # an interpreter that has torch and torchvision
    processor: str
    cores: int

    def library_folders(self):
        """The folders of NCCL, and of the libraries that cuDNN and cuBLAS load at run time."""
        folders = [self.cudnn_root / "lib"] if self.cudnn_root else []
        if self.nvcc:
            toolkit = self.nvcc.resolve().parent.parent
            folders += [toolkit / name for name in ("lib64", "lib", "targets/x86_64-linux/lib")]
        folders += [nvidia / name / "lib" for nvidia in self.packages
                    for name in ("cu13", "cublas", "cuda_nvrtc", "cuda_runtime", "nccl")]
        return [str(folder) for folder in folders if folder.is_dir()]


def find_gpu():
    """The first GPU that CUDA makes visible."""
    query = ["nvidia-smi", "--query-gpu=name,compute_cap,driver_version,memory.total", "--format=csv,noheader,nounits"]
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    if visible == "":
        return None
    if visible:
        query.append(f"--id={visible.split(',')[0]}")
    lines = (output_of(*query) or "").splitlines()
    fields = [field.strip() for field in lines[0].split(",")] if lines else []
    if len(fields) != 4 or not fields[3].isdigit():
        return None
    return Gpu(fields[0], fields[1], fields[2], int(fields[3]))


def toolkit_folders():
    named = [os.environ[name] for name in ("CUDA_HOME", "CUDA_PATH") if os.environ.get(name)]
    return [pathlib.Path(folder) for folder in [*named, "/usr/local/cuda"]]


def find_nvcc():
    found = shutil.which("nvcc")
    candidates = ([pathlib.Path(found)] if found else []) + [folder / "bin/nvcc" for folder in toolkit_folders()]
    return next((nvcc for nvcc in candidates if nvcc.is_file()), None)


def find_sanitizer(nvcc):
    found = shutil.which("compute-sanitizer")
    if found or not nvcc:
        return found
    toolkit = nvcc.resolve().parent.parent
    candidates = [toolkit / "bin/compute-sanitizer", toolkit / "compute-sanitizer/compute-sanitizer"]
    return next((str(each) for each in candidates if each.is_file()), None)


def has_kernel_filter(sanitizer):
    """Old versions call it --kernel-regex."""
    return "--kernel-name" in (output_of(sanitizer, "--help") or "") if sanitizer else False


def find_packages(interpreters):
    """NVIDIA's pip packages are parts of one namespace, which may lie in several folders."""
    command = "import nvidia; print(*nvidia.__path__, sep='\\n')"
    found = [line for python in interpreters for line in (output_of(python, "-c", command) or "").splitlines()]
    return [pathlib.Path(line) for line in dict.fromkeys(found)]


def cudnn_version(include):
    header = include / "cudnn_version.h"
    if not header.is_file():
        return None
    text = header.read_text(encoding="utf-8", errors="replace")
    numbers = [re.search(rf"#define CUDNN_{part}\s+(\d+)", text) for part in ("MAJOR", "MINOR", "PATCHLEVEL")]
    return ".".join(number[1] for number in numbers) if all(numbers) else None


def find_cudnn(nvcc, interpreters):
    """(folder or None, version): the toolkit's or the system's, otherwise that of a pip package."""
    if nvcc:
        toolkit = nvcc.resolve().parent.parent
        for include in [toolkit / "include", toolkit / "targets/x86_64-linux/include", pathlib.Path("/usr/include"),
                        pathlib.Path("/usr/include/x86_64-linux-gnu")]:
            if version := cudnn_version(include):
                return None, version
    for python in interpreters:
        folder = output_of(python, "-c", "import nvidia.cudnn; print(list(nvidia.cudnn.__path__)[0])")
        if folder and (version := cudnn_version(pathlib.Path(folder) / "include")):
            return pathlib.Path(folder), version
    return None, None


def processor():
    try:
        lines = pathlib.Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
        return next(line.split(": ", 1)[1] for line in lines if line.startswith("model name"))
    except (OSError, StopIteration, IndexError):
        return platform.machine()


def find_machine(python=None):
    """Describes the machine. The interpreter for PyTorch is `python`, otherwise any that has PyTorch."""
    interpreters = [python] if python else list(dict.fromkeys([shutil.which("python3") or sys.executable,
                                                               sys.executable]))
    gpu = find_gpu()
    nvcc = find_nvcc()
    release = re.search(r"release ([\d.]+)", output_of(str(nvcc), "--version") or "") if nvcc else None
    cudnn_root, cudnn = find_cudnn(nvcc, interpreters)
    sanitizer = find_sanitizer(nvcc)
    # Importing torch takes long, and is not needed without a GPU.
    torch = [each for each in interpreters if gpu and output_of(each, "-c", "import torch, torchvision") is not None]
    return Machine(
        gpu=gpu, nvcc=nvcc, cuda=release[1] if release else None, cudnn_root=cudnn_root, cudnn=cudnn,
        sanitizer=sanitizer, sanitizer_filters=has_kernel_filter(sanitizer), packages=find_packages(interpreters),
        python=torch[0] if torch else None, processor=processor(), cores=os.cpu_count() or 1)
