// What a step of a model costs a device at least: bytes moved through its memory and arithmetic,
// counted from the ops that are recorded and the gradient rules that run. For the roofline.
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
  double read_again = 0;  // what must be read a second time: batch norm's statistics come first
  double flops = 0;       // of products alone (nn/flops.h)

  Traffic& operator+=(const Traffic& other);
};

// A device's two ceilings.
struct Ceilings {
  double bytes_per_second = 0, flops_per_second = 0;
  // The time of one kernel that cannot move and multiply faster than these.
  double seconds(const Traffic& traffic) const;
};

// One kind of work in a step.
struct Work {
  int calls = 0;
  std::int64_t launches = 0;  // kernels and calls of libraries
  Traffic traffic;
  double seconds = 0;            // the calls' shortest times
  double seconds_read_once = 0;  // without what is read again
};

// While one lives, the ops of this thread and of its backward() are counted by kind: "conv2d
// forward", "conv2d data gradient", "batch_norm backward", ...
class CountTraffic {
 public:
  // `launches` says how many there were since the program began.
  CountTraffic(const Ceilings& ceilings, std::function<std::int64_t()> launches);
  // What no op shows, such as the optimizer's update. Of the launches that are nobody's yet it gets
  // so many, or all.
  void add(const std::string& kind, const Traffic& traffic, std::int64_t launches = kAll);
  const std::map<std::string, Work>& by_kind() const { return by_kind_; }

 private:
  static constexpr std::int64_t kAll = -1;
  void note_forward(const Observation& op);
  void note_backward(const Node& node);

  const Ceilings ceilings_;
  const std::function<std::int64_t()> launches_;
  std::int64_t launches_before_;
  std::set<std::pair<const Node*, std::size_t>> has_gradient_;  // outputs that backward reached
  std::map<std::string, Work> by_kind_;
  ObserveOps forward_;
  ObserveBackward backward_;
};

}  // namespace osteon
