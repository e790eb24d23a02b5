// Antialiased resizing: a triangle filter, widened by the ratio if the image shrinks. It is applied
// along one side and then along the other, in fixed point, and rounded to 8 bits after each; like
// Pillow's Image.resize(BILINEAR).
//
// Columns are filtered by transposing, filtering rows and transposing back: whole rows are
// consecutive bytes, for which the compiler emits vector instructions.
#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "data/image/image.h"

namespace osteon {
namespace {

// A level of 8 bits times a weight of at most 1 fits into 32 bits.
constexpr int kFractionBits = 22;

// The rows [first, first + weights.size()) of one output row, and their weights.
struct Taps {
  std::int64_t first = 0;
  std::vector<std::int32_t> weights;
};

// Output row i is centred at input position (i + 0.5) * ratio and reaches `reach` to both sides.
Taps taps_of(std::int64_t i, std::int64_t in, double ratio) {
  const double reach = std::max(ratio, 1.0), centre = (static_cast<double>(i) + 0.5) * ratio;
  Taps taps;
  taps.first = std::max<std::int64_t>(std::llround(centre - reach), 0);
  const auto end = std::min(std::int64_t{std::llround(centre + reach)}, in);
  std::vector<double> weights;
  double total = 0;
  for (std::int64_t row = taps.first; row < end; ++row) {
    const double distance = std::abs((static_cast<double>(row) + 0.5 - centre) / reach);
    weights.push_back(std::max(1 - distance, 0.0));
    total += weights.back();
  }
  for (const double weight : weights)
    taps.weights.push_back(
        static_cast<std::int32_t>(std::lround(weight / total * (1 << kFractionBits))));
  return taps;
}

// The weighted sum of `taps.weights.size()` rows that start at `rows`, rounded to 8 bits.
void combine_rows(const std::uint8_t* rows, std::int64_t width, const Taps& taps,
                  std::uint8_t* out) {
  constexpr std::int64_t kBlock = 64;
  for (std::int64_t x = 0; x < width; x += kBlock) {
    const std::int64_t count = std::min(kBlock, width - x);
    std::int32_t sums[kBlock];
    std::fill_n(sums, kBlock, 1 << (kFractionBits - 1));
    const std::uint8_t* row = rows + x;
    for (const std::int32_t weight : taps.weights) {
      for (std::int64_t i = 0; i < count; ++i) sums[i] += weight * row[i];
      row += width;
    }
    for (std::int64_t i = 0; i < count; ++i)
      out[x + i] = static_cast<std::uint8_t>(std::clamp(sums[i] >> kFractionBits, 0, 255));
  }
}

Image resize_rows(const Image& image, std::int64_t height) {
  const double ratio = static_cast<double>(image.height) / static_cast<double>(height);
  Image result{height, image.width, {}};
  result.pixels.resize(static_cast<std::size_t>(height * image.width));
  for (std::int64_t y = 0; y < height; ++y) {
    const Taps taps = taps_of(y, image.height, ratio);
    combine_rows(image.pixels.data() + taps.first * image.width, image.width, taps,
                 result.pixels.data() + y * image.width);
  }
  return result;
}

// Transposes a rows x columns piece of an image.
inline void transpose_piece(const std::uint8_t* in, std::int64_t in_width, std::uint8_t* out,
                            std::int64_t out_width, std::int64_t rows, std::int64_t columns) {
  for (std::int64_t x = 0; x < columns; ++x)
    for (std::int64_t y = 0; y < rows; ++y) out[x * out_width + y] = in[y * in_width + x];
}

// Works in square tiles, so that the rows of both images stay in the processor's cache.
Image transpose(const Image& image) {
  constexpr std::int64_t kTile = 16;
  Image result{image.width, image.height, {}};
  result.pixels.resize(image.pixels.size());
  for (std::int64_t y = 0; y < image.height; y += kTile)
    for (std::int64_t x = 0; x < image.width; x += kTile) {
      const std::uint8_t* in = image.pixels.data() + y * image.width + x;
      std::uint8_t* out = result.pixels.data() + x * image.height + y;
      const std::int64_t rows = std::min(kTile, image.height - y);
      const std::int64_t columns = std::min(kTile, image.width - x);
      if (rows == kTile && columns == kTile)  // with constant bounds the loops unroll
        transpose_piece(in, image.width, out, image.height, kTile, kTile);
      else
        transpose_piece(in, image.width, out, image.height, rows, columns);
    }
  return result;
}

}  // namespace

Image resize(const Image& image, std::int64_t height, std::int64_t width) {
  OSTEON_CHECK(height > 0 && width > 0 && image.height > 0 && image.width > 0, "resize: from ",
               image.height, " x ", image.width, " to ", height, " x ", width,
               "; every side must be at least 1");
  if (image.width == width) return image.height == height ? image : resize_rows(image, height);
  const Image columns_done = transpose(resize_rows(transpose(image), width));
  return image.height == height ? columns_done : resize_rows(columns_done, height);
}

Image fit_image(const Image& image, std::int64_t size, Fit fit) {
  if (fit == Fit::stretch) return resize(image, size, size);
  const double scale =
      static_cast<double>(size) / static_cast<double>(std::max(image.height, image.width));
  const auto scaled = [&](std::int64_t side) {
    return std::max<std::int64_t>(std::llround(static_cast<double>(side) * scale), 1);
  };
  const Image inner = resize(image, scaled(image.height), scaled(image.width));
  Image result{size, size, {}};
  result.pixels.resize(static_cast<std::size_t>(size * size));
  const std::int64_t top = (size - inner.height) / 2, left = (size - inner.width) / 2;
  for (std::int64_t y = 0; y < inner.height; ++y)
    std::copy_n(inner.pixels.data() + y * inner.width, inner.width,
                result.pixels.data() + (top + y) * size + left);
  return result;
}

const char* fit_name(Fit fit) { return fit == Fit::pad ? "pad" : "stretch"; }

Fit fit_from_name(const std::string& name) {
  for (const Fit fit : {Fit::stretch, Fit::pad})
    if (name == fit_name(fit)) return fit;
  throw UsageError(format("fit '", name, "': expected stretch or pad"));
}

}  // namespace osteon
