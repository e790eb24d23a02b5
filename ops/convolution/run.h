// Computes a convolution on the CPU by the kernel that the back end, the measurements or timing
// choose (backend.h, measured.h, tuning.h), and shows it to an observer.
#pragma once

#include <functional>
#include <optional>

#include "ops/convolution/candidates.h"

namespace osteon::convolution {

// By the reference, and counted as a fallback, if no fast kernel can compute it.
void compute(const Call& call, const std::function<void()>& reference);

// Test hook: this kernel is tried first, whatever was measured. None: as usual.
void prefer(std::optional<Kernel> kernel);

// A convolution that was computed.
struct Execution {
  const Call& call;
  const char* kernel;  // the candidate's name, or "reference"
  double seconds;
};

// During the lifetime of this object, visit(execution) is called after each convolution that this
// thread computes. A later object replaces an earlier one until it ends.
class ObserveConvolutions {
 public:
  using Visit = std::function<void(const Execution&)>;
  explicit ObserveConvolutions(Visit visit);
  ~ObserveConvolutions();
  ObserveConvolutions(const ObserveConvolutions&) = delete;
  ObserveConvolutions& operator=(const ObserveConvolutions&) = delete;

 private:
  const Visit visit_;
  const Visit* const before_;
};

}  // namespace osteon::convolution
