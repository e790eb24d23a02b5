// The filter gradient of depthwise convolution. The sums of some taps of a kernel row and of some
// vectors of channels stay in registers; for each output pixel its gradient is loaded once, and
// each input is an operand in memory. A sum adds the pixels of an image line by line.
#include <algorithm>

#include "base/parallel.h"
#include "ops/cpu/convolution/axis.h"
#include "ops/cpu/convolution/depthwise.h"
#include "ops/cpu/convolution/depthwise_strips.h"

namespace osteon::cpu::OSTEON_CPU_SET {
namespace {

constexpr int kMaxTaps = 7;
constexpr std::int64_t kUnits = 16;  // of work for threads, at least
// The sums and the gradients fit into the registers.
constexpr int vectors_of([[maybe_unused]] std::int64_t taps) {
#if defined(__AVX512F__)
  return 3;
#else
  return taps <= 3 ? 3 : taps <= 6 ? 2 : 1;
#endif
}

// sums[tap] += the sum over the pixels of some lines of dy times the input of the tap.
struct TapSums {
  const float* dy;
  const float* x;  // the input of the first pixel's first tap, also if it is outside
  std::int64_t lines, dy_line, x_line;  // number and distances
  std::int64_t pixels, channels;
  std::int64_t left, step, dilation, width;  // of the inputs: of the first tap, the distances of
                                             // pixels and of taps, and the limit
  std::int64_t inside, inside_end;           // pixels whose taps are all inside the image
  std::int64_t lanes;
  float* sums;  // [tap][vector]
};

template <int taps, int vectors, class Vectors>
[[gnu::noinline]] void add_up_taps(const TapSums& all) {
  const TapSums a = all;
  const Vectors io(a.lanes);
  TileLanes sums[taps][vectors];
  unroll<taps>([&]<int t>() __attribute__((always_inline)) {
    unroll<vectors>([&]<int v>() __attribute__((always_inline)) {
      sums[t][v] = load(a.sums + (t * vectors + v) * kWidth);
    });
  });
  const std::int64_t step = a.step * a.channels, next_tap = a.dilation * a.channels;
  for (std::int64_t line = 0; line < a.lines; ++line) {
    const float* dy = a.dy + line * a.dy_line;
    const float* x = a.x + line * a.x_line;
    for (std::int64_t p = 0; p < a.pixels; ++p, dy += a.channels, x += step) {
      TileLanes gradient[vectors];
      unroll<vectors>([&]<int v>() __attribute__((always_inline)) {
        gradient[v] = io.load(dy + v * kWidth);
      });
      const float* input = x;
      const auto add_up = [&]<int t>() __attribute__((always_inline)) {
        unroll<vectors>([&]<int v>() __attribute__((always_inline)) {
          sums[t][v] = multiply_add(io.load(input + v * kWidth), gradient[v], sums[t][v]);
        });
      };
      if (p >= a.inside && p < a.inside_end) {
        unroll<taps>([&]<int t>() __attribute__((always_inline)) {
          add_up.template operator()<t>();
          input = next_pixel(input, next_tap);
        });
      } else {
        std::int64_t w = a.left + p * a.step;
        unroll<taps>([&]<int t>() __attribute__((always_inline)) {
          if (w >= 0 && w < a.width) add_up.template operator()<t>();
          input = next_pixel(input, next_tap);
          w += a.dilation;
        });
      }
    }
  }
  unroll<taps>([&]<int t>() __attribute__((always_inline)) {
    unroll<vectors>([&]<int v>() __attribute__((always_inline)) {
      store(a.sums + (t * vectors + v) * kWidth, sums[t][v]);
    });
  });
}

using AddUpTaps = void (*)(const TapSums&);
AddUpTaps add_up_taps_of(std::int64_t taps, const ChannelGroup& group) {
  AddUpTaps found = nullptr;
  unroll<kMaxTaps>([&]<int t>() {
    unroll<vectors_of(t + 1)>([&]<int v>() {
      if (taps == t + 1 && group.vectors == v + 1)
        found = group.is_part() ? add_up_taps<t + 1, 1, PartOfVector>
                                : add_up_taps<t + 1, v + 1, WholeVectors>;
    });
  });
  return found;
}

// Sums of some images, for a group of channels.
class GroupSums {
 public:
  GroupSums(const Geometry& g, const Axis& rows, const Axis& columns, const float* dy,
            const float* x, const ChannelGroup& group)
      : g_(g), rows_(rows), columns_(columns), dy_(dy), x_(x), group_(group) {}

  // `sums` is [tap][lane].
  void add_up(std::int64_t image, float* sums) const {
    // All taps of a block of lines find its inputs in the L1 cache.
    const std::int64_t line = (g_.width * rows_.step + g_.output_width) * group_.vectors *
                              static_cast<std::int64_t>(kLaneBytes);
    const std::int64_t block = std::max<std::int64_t>(kNearBytes / line, 1);
    for (std::int64_t first = 0; first < g_.output_height; first += block)
      for (const AxisTap& row : rows_.taps) {
        const auto inside = rows_.outputs_inside(row);
        const std::int64_t begin = std::max(first, inside.first);
        const std::int64_t end = std::min(first + block, inside.first + inside.count);
        if (begin < end) add_up_row(image, row, begin, end - begin, sums);
      }
  }

 private:
  void add_up_row(std::int64_t image, const AxisTap& row, std::int64_t first, std::int64_t lines,
                  float* sums) const {
    const std::int64_t channels = g_.channels;
    for (std::int64_t tap = 0; tap < g_.kernel_width; tap += kMaxTaps) {
      const std::int64_t taps = std::min<std::int64_t>(kMaxTaps, g_.kernel_width - tap);
      const AxisTap& left = columns_.taps[static_cast<std::size_t>(tap)];
      const AxisTap& right = columns_.taps[static_cast<std::size_t>(tap + taps - 1)];
      const auto inside = columns_.outputs_inside(left), last = columns_.outputs_inside(right);
      const std::int64_t h = first * rows_.step + row.input;
      add_up_taps_of(taps, group_)(
          {.dy = dy_ + (image * g_.output_height + first) * g_.output_width * channels +
                 group_.channel,
           .x = x_ + ((image * g_.height + h) * g_.width + left.input) * channels + group_.channel,
           .lines = lines,
           .dy_line = g_.output_width * channels,
           .x_line = rows_.step * g_.width * channels,
           .pixels = g_.output_width,
           .channels = channels,
           .left = left.input,
           .step = columns_.step,
           .dilation = columns_.tap_distance(),
           .width = g_.width,
           .inside = inside.first,
           .inside_end = last.first + last.count,
           .lanes = group_.lanes,
           .sums = sums + (row.tap * g_.kernel_width + tap) * group_.vectors * kWidth});
    }
  }

  const Geometry& g_;
  const Axis &rows_, &columns_;
  const float *dy_, *x_;
  const ChannelGroup& group_;
};

}  // namespace

void depthwise_backward_weight(const Geometry& g, const float* dy, const float* x, float* dweight) {
  const Axis rows =
      Axis::of_outputs(g.output_height, g.kernel_height, g.height, g.conv.stride.height,
                       g.conv.padding.top, g.conv.dilation.height);
  const Axis columns =
      Axis::of_outputs(g.output_width, g.kernel_width, g.width, g.conv.stride.width,
                       g.conv.padding.left, g.conv.dilation.width);
  const std::vector<ChannelGroup> groups =
      channel_groups(g.channels, vectors_of(std::min<std::int64_t>(g.kernel_width, kMaxTaps)));
  const auto count = static_cast<std::int64_t>(groups.size());
  // Threads divide groups and parts of the batch. The number of parts depends on the shape only.
  const std::int64_t parts = std::clamp<std::int64_t>(kUnits / count, 1, g.images);
  const std::int64_t lanes = groups.back().channel + groups.back().vectors * kWidth;
  const Tensor sums = zeros({parts, lanes * g.taps});
  float* const first_sum = sums.data<float>();
  parallel_for(parts * count, 1, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) {
      const std::int64_t part = i % parts;
      const ChannelGroup& group = groups[static_cast<std::size_t>(i / parts)];
      const GroupSums group_sums(g, rows, columns, dy, x, group);
      for (std::int64_t image = g.images * part / parts; image < g.images * (part + 1) / parts;
           ++image)
        group_sums.add_up(image, first_sum + (part * lanes + group.channel) * g.taps);
    }
  });
  for (const ChannelGroup& group : groups)
    for (std::int64_t lane = 0; lane < group.lanes; ++lane)
      for (std::int64_t tap = 0; tap < g.taps; ++tap) {
        const float* const from =
            first_sum + group.channel * g.taps + tap * group.vectors * kWidth + lane;
        float sum = from[0];
        for (std::int64_t part = 1; part < parts; ++part) sum += from[part * lanes * g.taps];
        dweight[(group.channel + lane) * g.taps + tap] = sum;
      }
}

}  // namespace osteon::cpu::OSTEON_CPU_SET
