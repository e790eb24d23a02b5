// What the op table does not reach on every CUDA device: padding of channels, copies of many
// tensors, a data gradient with a ReLU mask, and batch norm without a cuDNN plan. Without a device
// the tests print a message and check nothing. The same file is also built for an emulated device
// (cuda_emulator/).
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include "ops/cuda/batch_norm_kernels.h"
#include "ops/cuda/cudnn/channels.h"
#include "ops/kernels.h"
#include "tests/cuda/cuda_device.h"
#include "tests/ops/op_runs.h"

using namespace osteon;

namespace {

Tensor draw(const char* name, Shape shape, DType dtype, double low = -1, double high = 1) {
  const Input input = uniform(std::move(shape), low, high);
  return from_vector(input_elements(name, 0, input), input.shape, dtype);
}

}  // namespace

TEST_CASE("channels are padded with zeros and cropped again, converting as copy_ does") {
  const Device device = device_under_test();
  if (!device.is_cuda()) return;
  constexpr DType kFloating[] = {DType::f64, DType::f32, DType::bf16};
  for (const DType from : kFloating)
    for (const DType to : kFloating)
      for (const std::int64_t wide : {4, 5, 8, 24}) {
        CAPTURE(format(from, " to ", to, " ", wide));
        const Tensor x = draw("channels", {2, 3, 5, 3}, from), converted({2, 3, 5, 3}, to);
        copy_(converted, x);
        const Tensor padded({2, 3, 5, wide}, to, device), cropped({2, 3, 5, 3}, to, device);
        cuda::pad_channels(x.to(device), wide, padded);
        const std::vector<double> all = padded.to_vector(), narrow = converted.to_vector();
        for (std::size_t i = 0; i < all.size(); ++i) {
          const auto pixel = i / static_cast<std::size_t>(wide);
          const auto channel = i % static_cast<std::size_t>(wide);
          CHECK(all[i] == (channel < 3 ? narrow[pixel * 3 + channel] : 0));
        }
        cuda::crop_channels(padded, cropped);
        CHECK(same_bits(cropped, converted));
      }
}

// Sizes near a block's share and a vector, a slice that is not aligned, and more tensors than one
// launch takes.
TEST_CASE("many tensors are copied in one call as one by one") {
  const Device device = device_under_test();
  if (!device.is_cuda()) return;
  constexpr DType kFloating[] = {DType::f64, DType::f32, DType::bf16};
  for (const DType from : kFloating)
    for (const DType to : kFloating) {
      CAPTURE(format(from, " to ", to));
      Tensors sources, expected, copies;
      for (const std::int64_t size : {1, 0, 7, 4096, 4097, 12291})
        sources.push_back(
            draw("many", {size + 1}, from).to(device).rows(size % 2, size + size % 2));
      for (std::int64_t i = 0; i < 600; ++i) sources.push_back(draw("few", {3}, from).to(device));
      for (const Tensor& source : sources) {
        copies.emplace_back(source.shape(), to, device);
        expected.emplace_back(source.shape(), to, device);
        copy_(expected.back(), source);
      }
      copy_(copies, sources);
      for (std::size_t i = 0; i < copies.size(); ++i) CHECK(same_bits(copies[i], expected[i]));
    }
}

// The convolution, the first to read y, is the last to add to its gradient. In bf16 it multiplies
// the sum by the ReLU mask.
TEST_CASE("gradients at an output of batch norm where paths join") {
  const Device device = device_under_test();
  if (!device.is_cuda()) return;
  const Shape shape{2, 5, 6, 16};
  const auto gradients = [&](const Device& where, DType dtype) {
    const DType parameters = dtype == DType::f64 ? DType::f64 : DType::f32;
    const auto leaf = [&](const char* name, const Shape& of, DType as) {
      Tensor drawn(of, as, where);
      copy_(drawn, draw(name, of, DType::bf16));  // the same numbers for all
      return drawn.set_requires_grad(true);
    };
    const Tensor x = leaf("x", shape, dtype), residual = leaf("residual", shape, dtype);
    const Tensor weight = leaf("weight", {16}, parameters), bias = leaf("bias", {16}, parameters);
    const Tensor filters = leaf("filters", {16, 1, 1, 16}, parameters);
    const Tensor y =
        batch_norm(x, weight, bias, zeros({16}, parameters, where),
                   full({16}, 1, parameters, where), {.activation = Activation::relu}, residual);
    const Tensor first = conv2d(y, filters), second = y * 2.0;
    const Tensor factors = cast(draw("factors", shape, DType::bf16).to(where), dtype);
    backward(mean(cast((first + second) * factors, parameters)));
    Tensors all;
    for (const Tensor& each : {x, residual, weight, bias, filters}) all.push_back(each.grad());
    return all;
  };
  const Tensors reference = gradients(Device::cpu(), DType::f64);
  for (const auto& [dtype, tolerance] : {std::pair{DType::f32, 1e-5}, {DType::bf16, 0.03}}) {
    const Tensors computed = gradients(device, dtype);
    for (std::size_t i = 0; i < computed.size(); ++i) {
      CAPTURE(format(dtype, " input ", i));
      const std::vector<double> a = computed[i].to_vector(), b = reference[i].to_vector();
      double difference = 0, largest = 0;
      for (std::size_t k = 0; k < a.size(); ++k) {
        difference = std::max(difference, std::abs(a[k] - b[k]));
        largest = std::max(largest, std::abs(b[k]));
      }
      CHECK(difference <= tolerance * largest);
    }
  }
}

// Channel counts that fill vectors and others, with enough rows for several parts; gradients
// overwrite their own inputs.
TEST_CASE("batch norm without cuDNN agrees with the CPU's") {
  const Device device = device_under_test();
  if (!device.is_cuda()) return;
  for (const std::int64_t channels : {1, 3, 12, 64, 200})
    for (const bool has_residual : {false, true}) {
      CAPTURE(channels);
      CAPTURE(has_residual);
      const Shape shape{4, 20, 31, channels}, vector{channels};
      const BatchNormOptions options{.activation = Activation::relu};
      const Tensor x = draw("x", shape, DType::f32, 5, 7), dy = draw("dy", shape, DType::f32);
      const Tensor residual = has_residual ? draw("residual", shape, DType::f32) : Tensor();
      const Tensor weight = draw("weight", vector, DType::f32, 0.5, 1.5);
      const Tensor bias = draw("bias", vector, DType::f32);
      const Tensor& mean = bias;
      std::vector<Tensors> results;
      for (const Device& where : {Device::cpu(), device}) {
        const auto put = [&](const Tensor& tensor) {
          return tensor.defined() ? tensor.clone().to(where) : Tensor();
        };
        const Tensor input = put(x), gradient = put(dy), scale = put(weight), term = put(bias);
        const Tensor running_mean = put(mean), running_var = put(weight), y = empty_like(input);
        const Tensor batch_mean = empty_like(scale), inverse_std = empty_like(scale);
        const Tensor dweight = empty_like(scale), dbias = empty_like(scale);
        ReluMask mask;
        const auto forward =
            where.is_cuda() ? cuda::generic_batch_norm_forward : cpu::batch_norm_forward;
        const auto backward =
            where.is_cuda() ? cuda::generic_batch_norm_backward : cpu::batch_norm_backward;
        forward(input, scale, term, put(residual), options, running_mean, running_var, batch_mean,
                inverse_std, y, mask);
        backward({.dy = gradient,
                  .x = input,
                  .relu_mask = mask,
                  .weight = scale,
                  .bias = term,
                  .mean = batch_mean,
                  .inverse_std = inverse_std,
                  .options = options,
                  .dx = input,
                  .dweight = dweight,
                  .dbias = dbias,
                  .dresidual = has_residual ? gradient : Tensor()});
        results.push_back({y, running_mean, running_var, input, dweight, dbias});
        if (has_residual) results.back().push_back(gradient);
      }
      for (std::size_t i = 0; i < results[0].size(); ++i) {
        CAPTURE(i);
        CHECK(relative_difference(results[1][i], results[0][i]) <= 2e-5);
      }
    }
}
