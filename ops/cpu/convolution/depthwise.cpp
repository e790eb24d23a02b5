// Depthwise convolution and its data gradient.
#include "ops/cpu/convolution/depthwise.h"

#include <algorithm>
#include <span>

#include "base/parallel.h"
#include "ops/cpu/convolution/depthwise_strips.h"

namespace osteon::cpu::OSTEON_CPU_SET {
namespace {

// The filters of the taps of two axes, [group][tap][lane], so that a group's lie side by side;
// missing lanes are 0.
class Filters {
 public:
  Filters(const Depthwise& problem, const std::vector<ChannelGroup>& groups, const Axis& rows,
          const Axis& columns)
      : taps_(static_cast<std::int64_t>(rows.taps.size() * columns.taps.size())),
        values_(zeros({(problem.channels + kWidth - 1) / kWidth * kWidth * taps_})),
        first_(values_.data<float>()) {
    for (const ChannelGroup& group : groups)
      for (std::int64_t lane = 0; lane < group.lanes; ++lane) {
        const float* const from =
            problem.weight + (group.channel + lane) * problem.kernel_height * problem.kernel_width;
        float* to = first_ + group.channel * taps_ + lane;
        for (const AxisTap& row : rows.taps)
          for (const AxisTap& column : columns.taps) {
            *to = from[row.tap * problem.kernel_width + column.tap];
            to += group.vectors * kWidth;
          }
      }
  }
  const float* of(const ChannelGroup& group) const { return first_ + group.channel * taps_; }

 private:
  std::int64_t taps_;
  Tensor values_;
  float* first_;
};

// The function for a number of taps of the columns and a group.
using AddUpLine = void (*)(const Strips&, std::int64_t);
template <int taps>
AddUpLine add_up_line_of(const ChannelGroup& group) {
  if (group.is_part()) return add_up_line<taps, 1, PartOfVector>;
  AddUpLine found = nullptr;
  unroll<kStripVectors>([&]<int v>() {
    if (group.vectors == v + 1) found = add_up_line<taps, v + 1, WholeVectors>;
  });
  return found;
}
AddUpLine add_up_line_of(std::int64_t taps, const ChannelGroup& group) {
  switch (taps) {
    case 2:
      return add_up_line_of<2>(group);
    case 3:
      return add_up_line_of<3>(group);
    case 5:
      return add_up_line_of<5>(group);
    case 7:
      return add_up_line_of<7>(group);
    default:
      return add_up_line_of<0>(group);
  }
}

class Lines {
 public:
  explicit Lines(const Depthwise& problem)
      : p_(problem), groups_(channel_groups(problem.channels, kStripVectors)) {
    for (const Axis& rows : p_.rows) {
      height_ += rows.count;
      for (const Axis& columns : p_.columns) filters_.emplace_back(p_, groups_, rows, columns);
    }
    for (const Axis& columns : p_.columns) width_ += columns.count;
  }

  std::int64_t count() const { return p_.images * height_; }

  // Output lines [begin, end) of all images. They are divided so that the inputs of a group's
  // channels stay in the L1 cache.
  void add_up(std::int64_t begin, std::int64_t end) const {
    const std::int64_t line = p_.columns[0].extent * kStripVectors * kLaneBytes;
    const std::int64_t most =
        std::max<std::int64_t>((kNearBytes / line - p_.kernel_height) / p_.rows[0].step, 1);
    const auto block_at = [&](std::int64_t at) {
      const std::int64_t first = at % height_;
      return Block{at / height_, first, std::min({first + most, height_, first + end - at})};
    };
    for (std::int64_t at = begin; at < end;) {
      const Block block = block_at(at);
      at += block.last - block.first;
      const std::span<const float> next =
          at < end ? new_inputs_of(block_at(at)) : std::span<const float>();
      for (std::size_t i = 0; i < groups_.size(); ++i) {
        prefetch(next, i, groups_.size());
        for (std::size_t r = 0; r < p_.rows.size(); ++r)
          for (std::size_t c = 0; c < p_.columns.size(); ++c) add_up_axes(groups_[i], r, c, block);
      }
    }
  }

 private:
  struct Block {
    std::int64_t image, first, last;  // of its output lines
  };

  // The inputs of a block that no earlier line of its image reads.
  std::span<const float> new_inputs_of(const Block& block) const {
    const Axis& rows = p_.rows[0];
    if (rows.taps.empty()) return {};
    const std::int64_t last_tap = std::max(rows.taps.front().input, rows.taps.back().input);
    const auto inputs_before = [&](std::int64_t output) {
      if (output == 0) return std::int64_t{0};
      return std::clamp<std::int64_t>((output - 1) / rows.stride * rows.step + last_tap + 1, 0,
                                      rows.extent);
    };
    const std::int64_t begin = inputs_before(block.first), end = inputs_before(block.last);
    const std::int64_t line = p_.columns[0].extent * p_.channels;
    return {p_.input + (block.image * rows.extent + begin) * line,
            static_cast<std::size_t>((end - begin) * line)};
  }

  // Fetches one of `parts` parts into the L2 cache. A group reads some channels of each pixel; the
  // processor foresees such accesses less well than these in sequence.
  static void prefetch(std::span<const float> values, std::size_t part, std::size_t parts) {
    constexpr std::size_t line = 64 / sizeof(float);  // of the cache
    const std::size_t end = values.size() * (part + 1) / parts;
    for (std::size_t i = values.size() * part / parts; i < end; i += line)
      __builtin_prefetch(&values[i], 0, 2);
  }

  // The lines and columns of a block that belong to the axes r and c.
  void add_up_axes(const ChannelGroup& group, std::size_t r, std::size_t c,
                   const Block& block) const {
    const Axis &rows = p_.rows[r], &columns = p_.columns[c];
    const auto taps = static_cast<std::int64_t>(columns.taps.size());
    const float* const filters = filters_[r * p_.columns.size() + c].of(group);
    Strips strips{.channels = p_.channels,
                  .width = columns.extent,
                  .rows = 0,
                  .columns = taps,
                  .line_distance = rows.tap_distance(),
                  .tap_distance = columns.tap_distance(),
                  .step = columns.step,
                  .stride = columns.stride,
                  .first_line = 0,
                  .left = taps == 0 ? 0 : columns.taps[0].input,
                  .channel = group.channel,
                  .lanes = group.lanes,
                  .input = p_.input + block.image * rows.extent * columns.extent * p_.channels +
                           group.channel,
                  .filters = filters,
                  .finish = p_.finish,
                  .residual = p_.residual,
                  .output = p_.output,
                  .first_output = 0};
    const AddUpLine add_up_line = add_up_line_of(taps, group);
    for (std::int64_t i = rows.first_from(block.first); rows.output(i) < block.last; ++i) {
      const auto inside = rows.taps_inside(i * rows.step);
      if (taps > 0 && inside.count > 0) {
        strips.rows = inside.count;
        strips.first_line = i * rows.step + rows.taps[static_cast<std::size_t>(inside.first)].input;
        strips.filters = filters + inside.first * taps * group.vectors * kWidth;
      } else {
        strips.rows = 0;
      }
      strips.first_output =
          ((block.image * height_ + rows.output(i)) * width_ + columns.first) * p_.channels +
          group.channel;
      add_up_line(strips, columns.count);
    }
  }

  const Depthwise& p_;
  std::vector<ChannelGroup> groups_;
  std::int64_t height_ = 0, width_ = 0;
  std::vector<Filters> filters_;  // of each pair of axes
};

}  // namespace

void run_depthwise(const Depthwise& problem) {
  const Lines lines(problem);
  parallel_for(lines.count(), 1,
               [&](std::int64_t begin, std::int64_t end) { lines.add_up(begin, end); });
}

}  // namespace osteon::cpu::OSTEON_CPU_SET
