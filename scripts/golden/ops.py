#!/usr/bin/env python3
"""Computes with PyTorch, in float64, the expected results of every row of the op table.

    pip install torch numpy safetensors
    build/bin/tests/op_cases_list | python3 scripts/golden/ops.py

reads the rows (tests/ops/cases/) as JSON and writes outputs, gradients and updated inputs to
tests/golden/op_cases.safetensors, with the hash of each row. The tests only read that file; run this after a change of a row.
"""

import json
import operator
import pathlib
import sys

import numpy
import torch
import torch.nn.functional as F

from common import GoldenWriter, HashedSequence

OUTPUT = pathlib.Path(__file__).resolve().parents[2] / "tests" / "golden" / "op_cases.safetensors"
DTYPES = {"f64": torch.float64, "f32": torch.float32, "bf16": torch.bfloat16,
          "i64": torch.int64, "u8": torch.uint8}


# --- inputs: the kinds of tests/ops/op_cases.h --------------------------------------------------------

def input_elements(draws, spec, count):
    low, high = spec["low"], spec["high"]
    kind = spec["kind"]
    if kind == "listed":
        return numpy.array(spec["elements"], numpy.float64)
    if kind == "uniform":
        return low + (high - low) * draws.uniform(count)
    if kind == "away_from_zero":
        size = low + (high - low) * draws.uniform(count)
        return numpy.where(draws.bits(count) % numpy.uint64(2) == 0, size, -size)
    if kind == "spread":
        rank = numpy.argsort(numpy.argsort(draws.bits(count)))
        return low + (high - low) * (rank + 0.5) / count
    if kind == "integers":
        return low + (draws.bits(count) % numpy.uint64(high - low)).astype(numpy.float64)
    raise ValueError(f"unknown kind of input: {kind}")


def make_input(row, i, spec):
    if spec["kind"] == "absent":
        return None
    count = int(numpy.prod(spec["shape"]))
    elements = input_elements(HashedSequence(f"{row}/{i}"), spec, count)
    tensor = torch.from_numpy(elements).reshape(spec["shape"]).to(DTYPES[spec["dtype"]])
    return tensor.requires_grad_(spec["differentiable"])


# --- ops: PyTorch's, with our layouts (images NHWC, filters KRSC) ---------------------------------

def both(number):
    return tuple(number) if isinstance(number, list) else (number, number)


def channels_first(x):
    return x.permute(0, 3, 1, 2)


def channels_last(x):
    return x.permute(0, 2, 3, 1)


def sides(padding):
    """[top, bottom, left, right]."""
    if not isinstance(padding, list) or len(padding) == 2:
        height, width = both(padding)
        return [height, height, width, width]
    return padding


def padded(x, padding, mode="constant", value=0.0):
    """Images [N, C, H, W] with a border; padding may be [top, bottom, left, right]."""
    top, bottom, left, right = sides(padding)
    return F.pad(x, (left, right, top, bottom), mode, value if mode == "constant" else None)


ACTIVATIONS = {"none": lambda y: y, "relu": torch.relu, "relu6": F.relu6, "silu": F.silu}


def conv2d(x, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
    return channels_last(F.conv2d(padded(channels_first(x), padding), channels_first(weight), bias,
                                  both(stride), 0, both(dilation), groups))


def conv2d_add_activation(x, weight, bias=None, residual=None, activation="relu", **options):
    y = conv2d(x, weight, bias, **options)
    if residual is not None:
        y = y + residual
    return ACTIVATIONS[activation](y)


def batch_norm(x, weight, bias, running_mean, running_var, residual=None, training=True,
               momentum=0.1, epsilon=1e-5, activation="none"):
    y = F.batch_norm(x.reshape(-1, x.shape[-1]), running_mean, running_var, weight, bias, training,
                     momentum, epsilon).reshape(x.shape)
    if residual is not None:
        y = y + residual
    return ACTIVATIONS[activation](y)


def conv_transpose2d(x, weight, bias=None, stride=1, padding=0, output_padding=0, dilation=1, groups=1):
    """PyTorch's without padding, then cut or extended on each side; the filters are [C, K/groups, R, S]."""
    y = F.conv_transpose2d(channels_first(x), channels_first(weight), None, both(stride), 0, 0, groups,
                           both(dilation))
    top, bottom, left, right = sides(padding)
    down, across = both(output_padding)
    y = channels_last(F.pad(y, (-left, across - right, -top, down - bottom)))
    return y if bias is None else y + bias


def max_pool2d(x, kernel_size=2, stride=2, padding=0, ceil_mode=False):
    x, windows = channels_first(x), (both(kernel_size), both(stride))
    top, bottom, left, right = sides(padding)
    if (top, left) == (bottom, right):
        return channels_last(F.max_pool2d(x, *windows, (top, left), ceil_mode=ceil_mode))
    assert not ceil_mode
    return channels_last(F.max_pool2d(padded(x, padding, value=-torch.inf), *windows))


def avg_pool2d(x, kernel_size=2, stride=2, padding=0, ceil_mode=False, count_include_pad=True):
    x, windows = channels_first(x), (both(kernel_size), both(stride))
    top, bottom, left, right = sides(padding)
    if (top, left) == (bottom, right):
        return channels_last(F.avg_pool2d(x, *windows, (top, left), ceil_mode, count_include_pad))
    assert not ceil_mode
    mean = F.avg_pool2d(padded(x, padding), *windows)
    if not count_include_pad:
        mean = mean / F.avg_pool2d(padded(torch.ones_like(x), padding), *windows)
    return channels_last(mean)


def upsample(x, size, **options):
    return channels_last(F.interpolate(channels_first(x), both(size), **options))


def dense_block(x, *tensors, training=True, momentum=0.1, epsilon=1e-5):
    options = {"training": training, "momentum": momentum, "epsilon": epsilon, "activation": "relu"}
    for i in range(0, len(tensors), 10):
        weight1, bias1, mean1, var1, conv1, weight2, bias2, mean2, var2, conv2 = tensors[i:i + 10]
        inner = conv2d(batch_norm(x, weight1, bias1, mean1, var1, **options), conv1)
        x = torch.cat([x, conv2d(batch_norm(inner, weight2, bias2, mean2, var2, **options), conv2, padding=1)], -1)
    return x


def layer_norm(x, weight, bias, epsilon=1e-5):
    return F.layer_norm(x, x.shape[-1:], weight, bias, epsilon)


def group_norm(x, weight, bias, groups, epsilon=1e-5):
    return channels_last(F.group_norm(channels_first(x), groups, weight, bias, epsilon))


def standardised(weight, epsilon=1e-6):
    return F.layer_norm(weight, weight.shape[1:], eps=epsilon)


def attention(query, key, value):
    by_head = (x.permute(0, 2, 1, 3) for x in (query, key, value))
    return F.scaled_dot_product_attention(*by_head).permute(0, 2, 1, 3)


def matmul(a, b, transpose_a=False, transpose_b=False):
    return (a.mT if transpose_a else a) @ (b.mT if transpose_b else b)


def split_and_reverse(x, size=None, sizes=None, dim=0):
    return torch.cat(torch.split(x, size or sizes, dim)[::-1], dim)


def pad(x, padding, mode="constant", value=0.0):
    return channels_last(padded(channels_first(x), padding, mode, value))


def binary(function):
    """An op on two tensors, or on a tensor and the number `left` or `right`."""
    return lambda *tensors, left=None, right=None: function(
        *(x for x in (left, *tensors, right) if x is not None))


def reduction(function):
    def reduce(x, dims=(), keepdim=False):
        return function(x, dim=list(dims) or list(range(x.dim())), keepdim=keepdim)
    return reduce


def spread(function):
    """torch.var and torch.std over dimensions as in reduction()."""
    def reduce(x, dims=(), correction=1, keepdim=False):
        return function(x, dim=list(dims) or list(range(x.dim())), correction=correction, keepdim=keepdim)
    return reduce


def first_position(x, extreme, dim, keepdim):
    """torch.argmax does not say which of equal elements it takes; here it is the first."""
    extent = x.shape[dim]
    shape = [1] * x.dim()
    shape[dim] = extent
    places = torch.where(x == extreme, torch.arange(extent).reshape(shape), extent)
    return places.amin(dim, keepdim)


def bce(logits, targets, weight=None, positive_weight=1.0):
    return F.binary_cross_entropy_with_logits(
        logits, targets, weight, pos_weight=torch.tensor(positive_weight, dtype=torch.float64))


def focal_loss(logits, targets, alpha=0.25, gamma=2.0):
    """torchvision.ops.sigmoid_focal_loss with the mean."""
    p = torch.sigmoid(logits)
    loss = F.binary_cross_entropy_with_logits(logits, targets, reduction="none")
    loss = loss * (1 - (p * targets + (1 - p) * (1 - targets))) ** gamma
    if alpha >= 0:
        loss = loss * (alpha * targets + (1 - alpha) * (1 - targets))
    return loss.mean()


def philox(key, counter):
    """Philox4x32-10 (Salmon et al., SC 2011): four words for a 64-bit key and four counter words."""
    key0, key1 = key % 2**32, key >> 32
    x = list(counter)
    for _ in range(10):
        product0, product1 = 0xD2511F53 * x[0], 0xCD9E8D57 * x[2]
        x = [(product1 >> 32) ^ x[1] ^ key0, product1 % 2**32,
             (product0 >> 32) ^ x[3] ^ key1, product0 % 2**32]
        key0, key1 = (key0 + 0x9E3779B9) % 2**32, (key1 + 0xBB67AE85) % 2**32
    return x


def words(low, high):
    return [low % 2**32, low >> 32 & 0xFFFFFFFF, high % 2**32, high >> 32 & 0xFFFFFFFF]


def dropout(x, key, p):
    """Word j % 4 of block (j / 4, first + n) decides element j of sample n: below p 2^32 it is dropped."""
    seed, stream, step, first = (int(number) for number in key)
    mixed = philox(seed, words(stream, step))
    mask_key = mixed[0] | mixed[1] << 32
    sample_size = x[0].numel()
    keeps = [[philox(mask_key, words(j // 4, first + n))[j % 4] >= int(p * 2**32)
              for j in range(sample_size)] for n in range(x.shape[0])]
    return x * torch.tensor(keeps).reshape(x.shape) / (1 - p)


def drop_path(x, key, p):
    return x * dropout(torch.ones(len(x), *[1] * (x.dim() - 1), dtype=x.dtype), key, p)


def warp_affine(images, matrices, height, width, mean, std):
    """The affine map in F.grid_sample's terms: coordinates from -1 to 1 over the image's edges."""
    rows, columns = torch.meshgrid(torch.arange(height, dtype=torch.float64),
                                   torch.arange(width, dtype=torch.float64), indexing="ij")
    points = torch.stack([columns, rows, torch.ones_like(rows)], dim=-1)
    pixels = torch.einsum("nij,hwj->nhwi", matrices, points)
    size = torch.tensor([images.shape[2], images.shape[1]], dtype=torch.float64)
    sampled = F.grid_sample(channels_first(images.double()), (2 * pixels + 1) / size - 1,
                            mode="bilinear", padding_mode="zeros", align_corners=False)
    return (channels_last(sampled) / 255 - torch.tensor(mean, dtype=torch.float64)) / torch.tensor(
        std, dtype=torch.float64)


OPS = {
    "conv2d": conv2d,
    "conv2d_add_activation": conv2d_add_activation,
    "batch_norm": batch_norm,
    "conv_transpose2d": conv_transpose2d,
    "max_pool2d": max_pool2d,
    "avg_pool2d": avg_pool2d,
    "adaptive_avg_pool2d": lambda x, output: channels_last(
        F.adaptive_avg_pool2d(channels_first(x), both(output))),
    "upsample": upsample,
    "dense_block": dense_block,
    "layer_norm": layer_norm,
    "group_norm": group_norm,
    "standardised": standardised,
    "global_avg_pool2d": lambda x: x.mean(dim=(1, 2)),
    "linear": F.linear,
    "matmul": matmul,
    "scaled_dot_product_attention": attention,
    "neg": torch.neg,
    "abs": torch.abs,
    "sign": torch.sign,
    "sqrt": torch.sqrt,
    "rsqrt": torch.rsqrt,
    "exp": torch.exp,
    "expm1": torch.expm1,
    "log": torch.log,
    "log1p": torch.log1p,
    "sin": torch.sin,
    "cos": torch.cos,
    "erf": torch.erf,
    "clamp": torch.clamp,
    "pow": lambda x, exponent: torch.pow(x, exponent),
    "relu": torch.relu,
    "sigmoid": torch.sigmoid,
    "relu6": F.relu6,
    "tanh": torch.tanh,
    "silu": F.silu,
    "hardsigmoid": lambda x: F.relu6(x + 3) / 6,  # the gradient of F.hardsigmoid has a factor in f32
    "hardswish": F.hardswish,
    "leaky_relu": F.leaky_relu,
    "elu": F.elu,
    "gelu": F.gelu,
    "gelu_tanh": lambda x: F.gelu(x, approximate="tanh"),
    "softplus": F.softplus,
    "maximum": torch.maximum,
    "minimum": torch.minimum,
    "add": binary(operator.add),
    "sub": binary(operator.sub),
    "mul": binary(operator.mul),
    "div": binary(operator.truediv),
    "eq": binary(operator.eq),
    "ne": binary(operator.ne),
    "lt": binary(operator.lt),
    "le": binary(operator.le),
    "gt": binary(operator.gt),
    "ge": binary(operator.ge),
    "where": lambda condition, a, b: torch.where(condition != 0, a, b),
    "cast": lambda x, dtype: x.to(DTYPES[dtype]),
    "sum": reduction(torch.sum),
    "mean": reduction(torch.mean),
    "amax": reduction(torch.amax),
    "var": spread(torch.var),
    "std": spread(torch.std),
    "logsumexp": reduction(torch.logsumexp),
    "any": reduction(lambda x, dim, keepdim: (x != 0).amax(dim, keepdim)),
    "all": reduction(lambda x, dim, keepdim: (x != 0).amin(dim, keepdim)),
    "argmax": lambda x, dim=-1, keepdim=False: first_position(x, x.amax(dim, True), dim, keepdim),
    "argmin": lambda x, dim=-1, keepdim=False: first_position(x, x.amin(dim, True), dim, keepdim),
    "topk": lambda x, k: torch.sort(x, dim=-1, descending=True, stable=True).values[..., :k],
    "topk_indices": lambda x, k: torch.sort(x, dim=-1, descending=True, stable=True).indices[..., :k],
    "reshape": lambda x, extents: x.reshape(extents),
    "permute": lambda x, order: x.permute(order),
    "concat": lambda *tensors, dim: torch.cat(tensors, dim),
    "flatten": torch.flatten,
    "squeeze": torch.squeeze,
    "unsqueeze": torch.unsqueeze,
    "expand": lambda x, extents: x.expand(extents),
    "stack": lambda *tensors, dim=0: torch.stack(tensors, dim),
    "split": split_and_reverse,
    "slice": lambda x, start=0, end=0, step=1, dim=0: torch.movedim(
        torch.movedim(x, dim, 0)[start:end:step], 0, dim),
    "flip": torch.flip,
    "roll": torch.roll,
    "pad": pad,
    "index_select": lambda x, indices, dim=0: x.index_select(dim, indices),
    "gather": lambda x, indices, dim=0: x.gather(dim, indices),
    "scatter_add": lambda x, indices, src, dim=0: x.scatter_add(dim, indices, src),
    "one_hot": lambda indices, num_classes: F.one_hot(indices, num_classes),
    "narrow": lambda x, dim, start, length: x.narrow(dim, start, length),
    "softmax": lambda x: torch.softmax(x, -1),
    "log_softmax": lambda x: torch.log_softmax(x, -1),
    "binary_cross_entropy_with_logits": bce,
    "cross_entropy": F.cross_entropy,
    "focal_loss": focal_loss,
    "mse_loss": F.mse_loss,
    "smooth_l1_loss": lambda x, target, beta=1.0: F.smooth_l1_loss(x, target, beta=beta),
    "dropout": dropout,
    "drop_path": drop_path,
    "warp_affine": warp_affine,
    "add_to_itself": lambda x: x + x,
    "square": torch.square,
    "concat_with_itself": lambda x: torch.cat([x, x], -1),
    "three_uses": lambda x: torch.relu(x) * x + torch.sigmoid(x),
}


def compute(row, golden):
    name = row["name"]
    inputs = [make_input(name, i, spec) for i, spec in enumerate(row["inputs"])]
    attrs = {key: float(value) if value in ("inf", "-inf") else value for key, value in row["attrs"].items()}
    output = OPS[row["op"]](*inputs, **attrs)
    golden.texts[name] = row["hash"]
    golden.add(f"{name}/output", output.detach().double().numpy())
    if output.requires_grad:
        cotangent = HashedSequence(f"{name}/cotangent").coarse(output.numel())
        output.backward(torch.from_numpy(cotangent).reshape(output.shape).to(output.dtype))
    for i, (tensor, spec) in enumerate(zip(inputs, row["inputs"])):
        if spec["differentiable"]:
            golden.add(f"{name}/gradient{i}", tensor.grad.numpy())
        if spec["updated"]:
            golden.add(f"{name}/updated{i}", tensor.numpy())


def main():
    golden = GoldenWriter()
    rows = json.load(sys.stdin)
    for row in rows:
        compute(row, golden)
    golden.write(OUTPUT)
    print(f"{len(rows)} rows, {len(golden.tensors)} entries, {OUTPUT.stat().st_size} bytes: {OUTPUT}")


if __name__ == "__main__":
    main()
