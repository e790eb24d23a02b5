// Draws mixtures, and applies all changes with ops, so that a recorded step replays them.
#include "train/batch_changes.h"

#include <cmath>
#include <limits>
#include <numeric>
#include <random>

#include "ops/ops.h"

namespace osteon {
namespace {

// A RandomStream for the distributions of the standard library.
struct Bits {
  using result_type = std::uint32_t;
  static constexpr result_type min() { return 0; }
  static constexpr result_type max() { return std::numeric_limits<result_type>::max(); }
  result_type operator()() { return random.next_u32(); }

  RandomStream& random;
};

// x / (x + y) for x and y of the gamma distribution.
double draw_beta(double alpha, RandomStream& random) {
  Bits bits{random};
  std::gamma_distribution<double> gamma(alpha);
  const double x = gamma(bits), y = gamma(bits);
  return x + y > 0 ? x / (x + y) : 0.5;
}

// u8 [N,S,S,1]: 1 inside of each image's box.
Tensor mask_of(const std::vector<Box>& boxes, std::int64_t size) {
  const Tensor masks = zeros({static_cast<std::int64_t>(boxes.size()), size, size, 1}, DType::u8);
  auto* mask = masks.data<std::uint8_t>();
  for (const Box& box : boxes) {
    for (std::int64_t y = box.top; y < box.bottom; ++y)
      std::fill(mask + y * size + box.left, mask + y * size + box.right, std::uint8_t{1});
    mask += size * size;
  }
  return masks;
}

// Normalised grey levels x = (v - mean) / std become gain x + offset:
//
//   contrast (brightness v - m) + m = gain v + (1 - contrast) m      gain = contrast brightness
Tensors levels_of(const Batch& batch, const ModelInfo& info) {
  const auto count = static_cast<std::int64_t>(batch.changes.size());
  const double m = std::reduce(info.mean.begin(), info.mean.end()) / 3;
  std::vector<double> gains, offsets;
  for (const ImageChange& change : batch.changes) {
    const double contrast = change.contrast, gain = contrast * change.brightness;
    gains.push_back(gain);
    for (std::size_t c = 0; c < 3; ++c)
      offsets.push_back(((gain - 1) * info.mean[c] + (1 - contrast) * m) / info.std[c]);
  }
  return {from_vector(gains, {count, 1, 1, 1}, DType::f32),
          from_vector(offsets, {count, 1, 1, 3}, DType::f32)};
}

Tensor like(const Tensor& value, const Tensor& images) {
  return value.dtype() == images.dtype() ? value : cast(value, images.dtype());
}

}  // namespace

Mixture draw_mixture(const BatchChangeOptions& options, std::int64_t epoch, std::int64_t batch) {
  if (!options.has_mixture()) return {};
  RandomStream random(options.seed ^ hash_name("mixture"), static_cast<std::uint64_t>(epoch),
                      static_cast<std::uint64_t>(batch));
  const bool is_cutmix = options.mixup == 0 || (options.cutmix > 0 && random.uniform() < 0.5);
  if (!is_cutmix) return {.share = draw_beta(options.mixup, random)};
  const auto side = static_cast<double>(options.image_size);
  const std::int64_t cut = std::lround(side * std::sqrt(1 - draw_beta(options.cutmix, random)));
  const Box box = draw_box(cut, cut, options.image_size, random);
  return {
      .share = 1 - static_cast<double>(box.area()) / (side * side), .is_cutmix = true, .box = box};
}

Tensors change_inputs(const BatchChangeOptions& options, const Batch& batch, const Mixture& mixture,
                      const ModelInfo& info) {
  const std::size_t count = batch.changes.size();
  Tensors inputs;
  if (options.has_levels) inputs = levels_of(batch, info);
  if (options.has_erased) {
    std::vector<Box> erased;
    for (const ImageChange& change : batch.changes) erased.push_back(change.erased);
    inputs.push_back(mask_of(erased, options.image_size));
  }
  if (options.mixup > 0)
    inputs.push_back(full({static_cast<std::int64_t>(count), 1, 1, 1},
                          mixture.is_cutmix ? 1 : mixture.share, DType::f32));
  if (options.cutmix > 0)
    inputs.push_back(mask_of(std::vector<Box>(count, mixture.box), options.image_size));
  return inputs;
}

Tensor apply_changes(const BatchChangeOptions& options, const Tensor& images,
                     std::span<const Tensor> inputs) {
  const NoGrad no_grad;
  auto input = inputs.begin();
  Tensor x = images;
  if (options.has_levels) {
    x = x * like(input[0], x) + like(input[1], x);
    input += 2;
  }
  if (options.has_erased) x = where(*input++, full({1}, 0, x.dtype(), x.device()), x);
  if (!options.has_mixture()) return x;
  const Tensor partner = flip(x, {0});
  if (options.mixup > 0) x = partner + like(*input++, x) * (x - partner);
  return options.cutmix > 0 ? where(*input, partner, x) : x;
}

// With weights w and v, targets t and u, and the share s the loss is that of
//
//   weight W = s w + (1 - s) v      target (s w t + (1 - s) v u) / W
void mix_targets(const Mixture& mixture, Tensor& targets, Tensor& weights) {
  if (mixture.share == 1) return;
  const auto mix = [&](const Tensor& x) {
    return x * mixture.share + flip(x, {0}) * (1 - mixture.share);
  };
  const auto beside_targets = [&](const Tensor& x) {
    return targets.rank() == 1 ? x : reshape(x, {-1, 1});
  };
  const Tensor mixed = mix(weights);
  targets = mix(beside_targets(weights) * targets) /
            beside_targets(maximum(mixed, full({1}, 1e-30, mixed.dtype())));
  weights = mixed;
}

}  // namespace osteon
