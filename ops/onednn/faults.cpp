// The table of faults. tests/ops/onednn_sweep_test.cpp looks for more.
#include "ops/onednn/faults.h"

#include <atomic>
#include <dnnl.hpp>
#include <limits>

#include "ops/onednn/sweep.h"

namespace osteon::onednn {
namespace {

// Major versions of oneDNN. Seen in 2.6.3 and 3.7.2; a fault is taken to be in all versions that
// have not been looked at.
struct Versions {
  int first, last;
};
constexpr int kNewest = std::numeric_limits<int>::max();
constexpr Versions kAll{0, kNewest}, kBefore3{0, 2}, kFrom3{3, kNewest};

struct Fault {
  Versions versions;
  Direction direction;
  // Part of the name of the code at fault; what follows the colon is the instruction set it is
  // written for, which is not always the best one that the processor has.
  const char* code;
  bool (*concerns)(const Problem& problem);
};

bool has_stride(const Problem& p) { return p.options.stride != Spatial(1); }
std::int64_t group_channels(const Problem& p) { return p.weight.dim(3); }
std::int64_t group_filters(const Problem& p) { return p.weight.dim(0) / p.options.groups; }
bool is_narrower_than_stride(const Problem& p) {
  return p.options.stride.width > 1 && p.x.dim(2) <= p.options.stride.width;
}
bool has_residual(const Problem& p) { return p.residual; }

constexpr Fault kFaults[] = {
    // The pixels that a stride leaves over are packed into the scratchpad, a pixel after the other.
    // They are written as if each had a whole vector of channels, where only the true number was
    // made room for: behind the scratchpad, or over the pixels of another thread. Gradients that
    // differ from run to run, damaged memory, crashes.
    {kAll, Direction::backward_weight, "1x1:avx2",
     [](const Problem& p) { return has_stride(p) && group_channels(p) < 8; }},
    {kAll, Direction::backward_weight, "1x1:avx512",
     [](const Problem& p) { return has_stride(p) && group_channels(p) < 16; }},
    // Where the image is narrower than the stride, a part of the scratchpad is read that nobody
    // wrote: gradients with whatever was there before.
    {kAll, Direction::backward_weight, "jit_bf16:", is_narrower_than_stride},
    // Filters are multiplied two at a time. Where their number is odd, gradients are wrong if the
    // output has a multiple of 30 pixels; seen with avx512_core_bf16.
    {kAll, Direction::backward_input,
     "jit_bf16_1x1:", [](const Problem& p) { return group_filters(p) % 2 == 1; }},
    // Narrow images again: addresses outside the image are read. Crashes and wrong outputs.
    {kFrom3, Direction::forward, "brg_conv_fwd:", is_narrower_than_stride},
    // The residual of pixel (0, 0) of image 0 is added to every pixel. It is added in a pass of its
    // own instead.
    {kBefore3, Direction::forward, "gemm:", has_residual},
    // The residual is wrong as well; seen with outputs of one pixel, in f32 and bf16.
    {kBefore3, Direction::forward, "brdgmm_dw:", has_residual},
};

std::atomic<bool> ignored{false};

}  // namespace

void ignore_known_faults(bool ignore) { ignored = ignore; }

bool has_known_fault(const Problem& problem, const std::string& implementation) {
  if (ignored) return false;
  const int version = dnnl_version()->major;
  for (const Fault& fault : kFaults)
    if (fault.versions.first <= version && version <= fault.versions.last &&
        fault.direction == problem.direction &&
        implementation.find(fault.code) != std::string::npos && fault.concerns(problem))
      return true;
  return false;
}

}  // namespace osteon::onednn
