// The table of faults. tests/ops/onednn_sweep_test.cpp searches for more.
#include "ops/onednn/faults.h"

#include <atomic>
#include <dnnl.hpp>
#include <limits>

#include "ops/onednn/sweep.h"

namespace osteon::onednn {
namespace {

// Ranges of major versions of oneDNN. Faults were seen in 2.6.3 and 3.7.2; versions that were not
// checked are assumed to have the same faults.
struct Versions {
  int first, last;
};
constexpr int kNewest = std::numeric_limits<int>::max();
constexpr Versions kAll{0, kNewest}, kBefore3{0, 2}, kFrom3{3, kNewest};

struct Fault {
  Versions versions;
  Direction direction;
  // Part of the name of the faulty implementation. The name after the colon is its instruction set,
  // which is not always the best one of the processor.
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
    // The strided pixels are packed into the scratchpad one after the other. Each is written as if
    // it had a full vector of channels, but memory is allocated only for the real number of
    // channels. The excess lands past the end of the scratchpad or on the pixels of another thread:
    // gradients that differ from run to run, corrupted memory, crashes.
    {kAll, Direction::backward_weight, "1x1:avx2",
     [](const Problem& p) { return has_stride(p) && group_channels(p) < 8; }},
    {kAll, Direction::backward_weight, "1x1:avx512",
     [](const Problem& p) { return has_stride(p) && group_channels(p) < 16; }},
    // If the image is narrower than the stride, uninitialised parts of the scratchpad are read: the
    // gradients depend on its previous contents.
    {kAll, Direction::backward_weight, "jit_bf16:", is_narrower_than_stride},
    // Filters are processed in pairs. If their number is odd, gradients are wrong if the output has
    // a multiple of 30 pixels; seen with avx512_core_bf16.
    {kAll, Direction::backward_input,
     "jit_bf16_1x1:", [](const Problem& p) { return group_filters(p) % 2 == 1; }},
    // Narrow images again: reads outside the image. Crashes and wrong outputs.
    {kFrom3, Direction::forward, "brg_conv_fwd:", is_narrower_than_stride},
    // The residual of pixel (0, 0) of image 0 is added to every pixel. A separate pass adds the
    // residual instead.
    {kBefore3, Direction::forward, "gemm:", has_residual},
    // The residual is wrong here too; seen with outputs of one pixel, in f32 and bf16.
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
