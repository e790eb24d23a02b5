// The first possible kernel in the order of preference.
#include "ops/convolution/run.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <optional>
#include <utility>

#include "ops/backend.h"
#include "ops/convolution/measured.h"
#include "ops/convolution/tuning.h"

namespace osteon::convolution {
namespace {

std::atomic<std::optional<Kernel>> preferred;
thread_local const ObserveConvolutions::Visit* observer = nullptr;

// Whether the back end allows it. `direct` is a choice between kernels in f32.
bool is_allowed(Kernel kernel, const Problem& problem) {
  return candidate(kernel).supports(problem) &&
         (backend() != Backend::direct || problem.x.dtype() != DType::f32 ||
          kernel == Kernel::direct);
}

// The kernel that computed it; none if there is none.
std::optional<Kernel> run_fast(const Call& call) {
  if (backend() == Backend::reference || call.x.numel() == 0) return std::nullopt;
  const Problem problem = call.problem();
  std::vector<Kernel> order;
  for (const Kernel kernel :
       ranked(measured(), measured_set(), call.direction, extents_of(problem)))
    if (is_allowed(kernel, problem)) order.push_back(kernel);
  std::optional<Kernel> first = preferred;
  if (!first && autotune() && order.size() > 1) first = chosen_by_timing(call, order);
  const auto place = first ? std::ranges::find(order, *first) : order.end();
  if (place != order.end()) std::rotate(order.begin(), place, place + 1);
  const auto found =
      std::ranges::find_if(order, [&](Kernel kernel) { return candidate(kernel).run(call); });
  return found == order.end() ? std::nullopt : std::optional(*found);
}

}  // namespace

void prefer(std::optional<Kernel> kernel) { preferred = kernel; }

void compute(const Call& call, const std::function<void()>& reference) {
  const auto begin = std::chrono::steady_clock::now();
  const std::optional<Kernel> kernel = run_fast(call);
  if (!kernel) {
    count_fallback(format("conv2d_", name_of(call.direction)).c_str(), call.x);
    reference();
  }
  if (observer == nullptr) return;
  const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - begin;
  (*observer)({call, kernel ? candidate(*kernel).name : "reference", seconds.count()});
}

ObserveConvolutions::ObserveConvolutions(Visit visit)
    : visit_(std::move(visit)), before_(std::exchange(observer, &visit_)) {}
ObserveConvolutions::~ObserveConvolutions() { observer = before_; }

}  // namespace osteon::convolution
