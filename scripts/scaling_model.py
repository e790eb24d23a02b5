#!/usr/bin/env python3
"""How data parallel training should scale: a model of one step, with its parameters, beside published points.

    scripts/scaling_model.py [--images-per-second X] [--batch-size B] [--parameters P] [--bytes-per-number N]

Each of N GPUs computes B images and adds its gradients to those of the others. The sum of G bytes takes

    2 (N - 1) / N * G / bandwidth + 2 log2(N) * latency

of which all but the last part (the first layers' gradients) can be hidden behind the rest of backward. Efficiency is the
time of one GPU alone divided by that of a step of N.
"""

import argparse
import math

# Bytes per second that a GPU sends in an all-reduce, and seconds per message. NVLink: 450 GB/s per direction of an H100,
# of which NCCL reaches about 80 %. Ethernet: one link per GPU at 90 %. The latencies are of NCCL's order.
NETWORKS = {
    "NVLink 4": (0.8 * 450e9, 5e-6),
    "100 GbE": (0.9 * 12.5e9, 20e-6),
    "25 GbE": (0.9 * 3.125e9, 20e-6),
}
GPUS = (8, 16, 64, 256)
NVLINK_GPUS = 8  # of one machine

BACKWARD = 2 / 3  # of a step's time
LAST_PART = 1 / 16  # of the gradients; train/shard_sums.cpp
LAST_TIME = 1 / 3  # of backward, in which no other part is complete: ResNet50's first two stages

# "At 8 GPUs" of NVIDIA's DeepLearningExamples (PyTorch and MXNet, DGX-1 and DGX A100), and Goyal et al., "Accurate, Large
# Minibatch SGD", 2017 (256 P100 in 32 machines, 50 GbE).
PUBLISHED = "published: 8 GPUs 6.72 to 7.82 times (0.84 to 0.98), ResNet50; 256 GPUs about 0.9"


def sum_seconds(size, gpus, network):
    bandwidth, latency = NETWORKS[network]
    return 2 * (gpus - 1) / gpus * size / bandwidth + 2 * math.log2(gpus) * latency


def efficiency(step, size, gpus, network):
    early = sum_seconds(size * (1 - LAST_PART), gpus, network)
    last = sum_seconds(size * LAST_PART, gpus, network)
    hidden = step * BACKWARD * LAST_TIME
    return step / (step + max(0.0, early - hidden) + last)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images-per-second", type=float, default=2500, help="of one GPU alone (default: %(default)s)")
    parser.add_argument("--batch-size", type=int, default=256, help="images per GPU (default: %(default)s)")
    parser.add_argument("--parameters", type=float, default=25.56e6, help="default: %(default)s, ResNet50's")
    parser.add_argument("--bytes-per-number", type=int, default=4, help="default: %(default)s")
    options = parser.parse_args()
    step = options.batch_size / options.images_per_second
    size = options.parameters * options.bytes_per_number
    print(f"{step * 1e3:.0f} ms a step of one GPU, {size / 1e6:.0f} MB of gradients\n")
    print("| network | " + " | ".join(f"{gpus} GPUs" for gpus in GPUS) + " |")
    print("|---" * (len(GPUS) + 1) + "|")
    for network in NETWORKS:
        cells = [
            "-" if network.startswith("NVLink") and gpus > NVLINK_GPUS else f"{efficiency(step, size, gpus, network):.2f}"
            for gpus in GPUS
        ]
        print(f"| {network} | " + " | ".join(cells) + " |")
    print(f"\n{PUBLISHED}")


if __name__ == "__main__":
    main()
