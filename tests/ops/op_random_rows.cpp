// Random rows. Extents are small, because faults of libraries occur at the ends of tiles and
// vectors.
#include "tests/ops/op_random_rows.h"

#include <algorithm>

namespace osteon {
namespace {

using nlohmann::json;

// A random number in [low, high].
std::int64_t between(RandomStream& random, std::int64_t low, std::int64_t high) {
  return low + static_cast<std::int64_t>(random.below(static_cast<std::uint64_t>(high - low + 1)));
}

// True with a probability of `percent` in 100.
bool sometimes(RandomStream& random, std::uint64_t percent) { return random.below(100) < percent; }

std::int64_t one_of(RandomStream& random, const std::vector<std::int64_t>& choices) {
  return choices[random.below(choices.size())];
}

// [height, width], mostly equal.
using Pair = std::array<std::int64_t, 2>;
template <class Draw>
Pair drawn_pair(RandomStream& random, const Draw& draw) {
  const std::int64_t first = draw();
  return {first, sometimes(random, 70) ? first : draw()};
}

// The geometry of a convolution.
struct Geometry {
  std::int64_t images = 1, groups = 1;
  std::int64_t channels = 1, filters = 1;  // per group
  Pair image{1, 1}, kernel{1, 1}, stride{1, 1}, dilation{1, 1};
  std::array<std::int64_t, 4> padding{};  // top, bottom, left, right

  std::int64_t output(std::size_t d) const {
    const std::int64_t room =
        image[d] + padding[2 * d] + padding[2 * d + 1] - dilation[d] * (kernel[d] - 1) - 1;
    return room < 0 ? 0 : room / stride[d] + 1;
  }
  std::int64_t products() const {
    return images * groups * filters * channels * output(0) * output(1) * kernel[0] * kernel[1];
  }
  // Has an output, and takes only some milliseconds in float64.
  bool is_usable() const { return products() > 0 && products() < 1'000'000; }
};

std::int64_t drawn_channels(RandomStream& random) {
  switch (random.below(4)) {
    case 0:
      return 8 * between(random, 1, 5);
    case 1:
      return between(random, 1, 40);
    default:
      return between(random, 1, 9);
  }
}

void draw_groups(RandomStream& random, Geometry& g) {
  g.groups = sometimes(random, 55) ? 1 : between(random, 2, 8);
  g.channels = drawn_channels(random);
  g.filters = drawn_channels(random);
  if (g.groups == 1 || sometimes(random, 60)) return;
  g.groups = drawn_channels(random);
  g.channels = 1;  // depthwise
  g.filters = sometimes(random, 70) ? 1 : between(random, 1, 3);
}

// Different on each side a third of the time.
std::array<std::int64_t, 4> drawn_padding(RandomStream& random, std::int64_t most) {
  const auto draw = [&] { return sometimes(random, 40) ? 0 : between(random, 0, most); };
  if (sometimes(random, 33)) return {draw(), draw(), draw(), draw()};
  const Pair both = drawn_pair(random, draw);
  return {both[0], both[0], both[1], both[1]};
}

Geometry drawn_geometry(RandomStream& random) {
  Geometry g;
  do {
    g.images = between(random, 1, 3);
    draw_groups(random, g);
    g.kernel = drawn_pair(random, [&] {
      return sometimes(random, 60) ? one_of(random, {1, 1, 3}) : between(random, 1, 7);
    });
    g.stride = drawn_pair(random, [&] { return between(random, 1, 3); });
    g.dilation =
        drawn_pair(random, [&] { return sometimes(random, 75) ? 1 : between(random, 2, 3); });
    g.padding = drawn_padding(random, g.kernel[0] + 1);
    g.image = {between(random, 1, 14), between(random, 1, 14)};
  } while (!g.is_usable());
  return g;
}

json attrs_of(const Geometry& g) {
  return {
      {"stride", g.stride}, {"padding", g.padding}, {"dilation", g.dilation}, {"groups", g.groups}};
}

Input images_of(const Geometry& g) {
  return uniform({g.images, g.image[0], g.image[1], g.groups * g.channels});
}

// Filters are f32 with bf16 images half of the time.
std::vector<Input> parameters_of(RandomStream& random, const Geometry& g) {
  const std::int64_t filters = g.groups * g.filters;
  const Input weight = uniform({filters, g.kernel[0], g.kernel[1], g.channels});
  const Input bias = sometimes(random, 50) ? uniform({filters}) : absent();
  if (sometimes(random, 50)) return {weight, bias};
  return {weight.parameter(), bias.parameter()};
}

OpCase convolution(RandomStream& random, std::string name, const Geometry& g) {
  std::vector<Input> inputs = parameters_of(random, g);
  inputs.insert(inputs.begin(), images_of(g));
  if (inputs.back().kind == Input::Kind::absent) inputs.pop_back();
  return {std::move(name), "conv2d", std::move(inputs), attrs_of(g)};
}

OpCase folded_convolution(RandomStream& random, std::string name, const Geometry& g,
                          bool residual) {
  const std::vector<Input> parameters = parameters_of(random, g);
  const Input added =
      residual ? uniform({g.images, g.output(0), g.output(1), g.groups * g.filters}) : absent();
  json attrs = attrs_of(g);
  const std::vector<std::string> activations = {"none", "relu", "relu6", "silu"};
  attrs["activation"] = activations[random.below(activations.size())];
  return {std::move(name),
          "conv2d_add_activation",
          {images_of(g).constant(), parameters[0].constant(), parameters[1].constant(),
           added.constant()},
          std::move(attrs)};
}

OpCase pooling(RandomStream& random, std::string name) {
  Pair kernel{}, padding{}, image{};
  for (std::size_t d = 0; d < 2; ++d) {
    kernel[d] = between(random, 1, 5);
    padding[d] = between(random, 0, kernel[d] / 2);
    image[d] = between(random, std::max<std::int64_t>(1, kernel[d] - 2 * padding[d]), 12);
  }
  const json attrs = {{"kernel_size", kernel},
                      {"padding", padding},
                      {"stride", drawn_pair(random, [&] { return between(random, 1, 3); })}};
  const Shape shape{between(random, 1, 3), image[0], image[1], drawn_channels(random)};
  if (sometimes(random, 50)) return {std::move(name), "max_pool2d", {spread(shape, -1, 1)}, attrs};
  return {std::move(name), "avg_pool2d", {uniform(shape)}, attrs};
}

// At least 8 values per channel: with fewer the gradient almost cancels. Without a ReLU, because a
// rounded input may be on the other side of its kink.
OpCase normalisation(RandomStream& random, std::string name) {
  const std::int64_t channels = drawn_channels(random);
  const Shape shape{between(random, 2, 3), between(random, 2, 8), between(random, 2, 8), channels};
  const Shape vector{channels};
  return {std::move(name),
          "batch_norm",
          {uniform(shape), uniform(vector).parameter(), uniform(vector).parameter(),
           uniform(vector).running(), uniform(vector, 0.5, 1).running(),
           sometimes(random, 50) ? uniform(shape) : absent()},
          {{"training", sometimes(random, 70)}}};
}

OpCase product(RandomStream& random, std::string name) {
  const std::int64_t rows = between(random, 1, 40), columns = drawn_channels(random),
                     inner = between(random, 1, 70);
  if (sometimes(random, 50))
    return {std::move(name),
            "linear",
            {uniform({rows, inner}), uniform({columns, inner}), uniform({columns})}};
  const std::int64_t batch = between(random, 1, 3);
  const bool transpose_a = sometimes(random, 50), transpose_b = sometimes(random, 50);
  const Shape a = transpose_a ? Shape{batch, inner, rows} : Shape{batch, rows, inner};
  const Shape b = transpose_b ? Shape{batch, columns, inner} : Shape{batch, inner, columns};
  return {std::move(name),
          "matmul",
          {uniform(a), uniform(b)},
          {{"transpose_a", transpose_a}, {"transpose_b", transpose_b}}};
}

// A 1x1 convolution of one group whose stride leaves no pixel at the edge.
Geometry strided_1x1(RandomStream& random) {
  Geometry g;
  g.images = between(random, 1, 3);
  g.channels = between(random, 1, 20);
  g.filters = drawn_channels(random);
  for (std::size_t d = 0; d < 2; ++d) {
    g.stride[d] = between(random, 1, 3);
    g.image[d] = g.stride[d] * between(random, 2, 6);
  }
  return g;
}

}  // namespace

OpCase random_row(RandomStream& random, std::string name) {
  const std::uint64_t percent = random.below(100);
  if (percent < 55) return convolution(random, std::move(name), drawn_geometry(random));
  if (percent < 80)
    return folded_convolution(random, std::move(name), drawn_geometry(random),
                              sometimes(random, 70));
  if (percent < 87) return pooling(random, std::move(name));
  if (percent < 93) return normalisation(random, std::move(name));
  return product(random, std::move(name));
}

OpCase random_strided_1x1(RandomStream& random, std::string name) {
  return convolution(random, std::move(name), strided_1x1(random));
}

// Outputs with multiples of 30 pixels. oneDNN 3 uses other code without dilation, although dilation
// has no effect here.
OpCase random_odd_1x1(RandomStream& random, std::string name) {
  Geometry g = strided_1x1(random);
  g.filters = 2 * between(random, 0, 15) + 1;
  g.dilation = {between(random, 1, 2), between(random, 1, 2)};
  g.image = {g.stride[0] * 5 * between(random, 1, 2), g.stride[1] * 6 * between(random, 1, 2)};
  return convolution(random, std::move(name), g);
}

OpCase random_narrow(RandomStream& random, std::string name) {
  Geometry g;
  do {
    g = drawn_geometry(random);
    g.stride[1] = between(random, 2, 6);
    g.image[1] = between(random, 1, g.stride[1]);
  } while (!g.is_usable());
  return convolution(random, std::move(name), g);
}

OpCase random_residual(RandomStream& random, std::string name) {
  return folded_convolution(random, std::move(name), drawn_geometry(random), true);
}

std::string describe_row(const OpCase& row) {
  std::string text = row.op;
  for (const Input& input : row.inputs)
    text +=
        input.kind == Input::Kind::absent
            ? std::string(" -")
            : format(" ", input.shape, input.type == Input::Type::parameter ? " (parameter)" : "");
  return text + " " + row.attrs.dump();
}

}  // namespace osteon
