// Turns attenuation into the demo radiographs' grey levels.
#include "data/demo/film.h"

#include <algorithm>
#include <cmath>

namespace osteon::demo {
namespace {

// Running mean of 2 * radius + 1 values along the lines of a field, with repeated edges.
void box_blur_lines(Field& field, std::int64_t lines, std::int64_t count, std::int64_t line_step,
                    std::int64_t step, std::int64_t radius) {
  std::vector<float> line(static_cast<std::size_t>(count));
  const auto clamped = [&](std::int64_t i) {
    return line[static_cast<std::size_t>(std::clamp<std::int64_t>(i, 0, count - 1))];
  };
  const auto share = 1 / static_cast<float>(2 * radius + 1);
  for (std::int64_t l = 0; l < lines; ++l) {
    float* values = field.values.data() + l * line_step;
    for (std::int64_t i = 0; i < count; ++i) line[static_cast<std::size_t>(i)] = values[i * step];
    float sum = 0;
    for (std::int64_t i = -radius; i <= radius; ++i) sum += clamped(i);
    for (std::int64_t i = 0; i < count; ++i) {
      values[i * step] = sum * share;
      sum += clamped(i + radius + 1) - clamped(i - radius);
    }
  }
}

// Two box passes each way: a wide, nearly Gaussian blur whose cost does not depend on its radius.
void wide_blur(Field& field, std::int64_t radius) {
  for (int pass = 0; pass < 2; ++pass) {
    box_blur_lines(field, field.height, field.width, field.width, 1, radius);
    box_blur_lines(field, field.width, field.height, 1, field.width, radius);
  }
}

// The three-tap blur (share, 1 - 2 share, share) each way, in place: it models the blur by the
// focal spot and the screen.
void fine_blur(Field& field, float share) {
  const auto blur_line = [&](float* values, std::int64_t count, std::int64_t step) {
    float before = values[0];
    for (std::int64_t i = 0; i < count; ++i) {
      const float here = values[i * step];
      const float after = i + 1 < count ? values[(i + 1) * step] : here;
      values[i * step] = here + share * (before - 2 * here + after);
      before = here;
    }
  };
  for (std::int64_t y = 0; y < field.height; ++y)
    blur_line(field.values.data() + y * field.width, field.width, 1);
  for (std::int64_t x = 0; x < field.width; ++x)
    blur_line(field.values.data() + x, field.height, field.width);
}

float percentile(const Field& field, double share) {
  std::vector<float> sorted = field.values;
  const auto middle =
      sorted.begin() + static_cast<std::ptrdiff_t>(share * static_cast<double>(sorted.size() - 1));
  std::nth_element(sorted.begin(), middle, sorted.end());
  return *middle;
}

// Noise of zero mean and about unit variance: the sum of four random bytes, with one draw instead
// of Box-Muller's two.
float grain(RandomStream& random) {
  const std::uint32_t bits = random.next_u32();
  const auto sum =
      static_cast<float>((bits & 255) + (bits >> 8 & 255) + (bits >> 16 & 255) + (bits >> 24));
  return (sum - 510) / 147.8F;
}

}  // namespace

Field develop(const Field& attenuation, const Field& metal, RandomStream& random) {
  Field film = attenuation;
  // Digital radiography flattens low frequencies, so that bone shows through thick flesh.
  Field slow = attenuation;
  wide_blur(slow, std::max<std::int64_t>(std::max(film.height, film.width) / 14, 1));
  const auto flattening = static_cast<float>(random.uniform(0.2, 0.45));
  for (std::size_t i = 0; i < film.values.size(); ++i)
    film.values[i] -= flattening * slow.values[i];

  // The share of saturated pixels varies, so that it does not reveal the label.
  const float low = percentile(film, random.uniform(0.005, 0.06));
  const float high = percentile(film, random.uniform(0.965, 0.999));
  const auto dark = static_cast<float>(random.uniform(4, 32));
  const auto bright = static_cast<float>(random.uniform(180, 240));
  const auto gamma = static_cast<float>(random.uniform(0.8, 1.25));
  const float span = std::max(high - low, 1e-3F);
  const auto metal_level = static_cast<float>(random.uniform(225, 255));
  for (std::size_t i = 0; i < film.values.size(); ++i) {
    const float level = std::clamp((film.values[i] - low) / span, 0.0F, 1.1F);
    const float grey = dark + (bright - dark) * std::pow(level, gamma);
    film.values[i] = grey + metal.values[i] * std::max(metal_level - grey, 0.0F);
  }
  const auto noise = static_cast<float>(random.uniform(2.0, 5.0));
  for (float& value : film.values) value += noise * grain(random);
  fine_blur(film, static_cast<float>(random.uniform(0.08, 0.22)));
  return film;
}

Image to_image(const Field& grey) {
  Image image;
  image.height = grey.height;
  image.width = grey.width;
  image.pixels.resize(grey.values.size());
  std::transform(grey.values.begin(), grey.values.end(), image.pixels.begin(), [](float value) {
    return static_cast<std::uint8_t>(std::clamp(value + 0.5F, 0.0F, 255.0F));
  });
  return image;
}

}  // namespace osteon::demo
