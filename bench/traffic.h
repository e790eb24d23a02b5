// The lower bound of the cost of a model's step on a device: bytes moved through its memory, and
// arithmetic, counted from the recorded ops and the gradient rules that run. Used by roofline.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <utility>

#include "tensor/autograd.h"

namespace osteon {

struct Traffic {
  double bytes = 0;       // each input read once, each output written once
  double read_again = 0;  // second reads: norms need their sums first
  double flops = 0;       // of products only (nn/flops.h)

  Traffic& operator+=(const Traffic& other);
};

// The two limits of a device.
struct Ceilings {
  double bytes_per_second = 0, flops_per_second = 0;
  // The time of a kernel at these limits.
  double seconds(const Traffic& traffic) const;
};

// One kind of work in a step.
struct Work {
  int calls = 0;
  std::int64_t launches = 0;  // kernels and library calls
  Traffic traffic;
  double seconds = 0;            // the lower bound of the time of all calls
  double seconds_read_once = 0;  // without second reads
};

// During the lifetime of this object, the ops of this thread and of its backward() are counted by
// kind: "conv2d forward", "conv2d data gradient", "batch_norm backward", ...
class CountTraffic {
 public:
  // `launches` returns the number of launches since the program began.
  CountTraffic(const Ceilings& ceilings, std::function<std::int64_t()> launches);
  // Adds work that is not an op, such as the optimizer's update. It gets `launches` of the launches
  // that have no kind yet, or all of them.
  void add(const std::string& kind, const Traffic& traffic, std::int64_t launches = kAll);
  const std::map<std::string, Work>& by_kind() const { return by_kind_; }

 private:
  static constexpr std::int64_t kAll = -1;
  void note_forward(const Observation& op);
  void note_backward(const Node& node);
  void add_convolution(const std::string& kind, const Shape& x, const Shape& weight, const Shape& y,
                       DType dtype);
  void note_dense_block(const Observation& op);
  void note_dense_block(const Node& node);
  void take_products_from_sum(const Node& node);
  void note_linear(const Node& node);
  void note_matmul(const Node& node);
  void note_attention(const Node& node);

  const Ceilings ceilings_;
  const std::function<std::int64_t()> launches_;
  std::int64_t launches_before_;
  std::set<std::pair<const Node*, std::size_t>> has_gradient_;  // outputs that backward reached
  std::map<std::string, Work> by_kind_;
  ObserveOps forward_;
  ObserveBackward backward_;
};

}  // namespace osteon
