// The process-wide choices, and the counters of fallbacks to the reference.
#include "ops/backend.h"

#include <atomic>
#include <cstdio>
#include <mutex>

#include "ops/onednn/onednn.h"

namespace osteon {
namespace {

std::atomic<Backend> current{Backend::automatic};
std::atomic<bool> tf32_allowed{false}, nondeterministic_allowed{false}, autotune_on{false};

class Counters {
 public:
  // Returns the number so far.
  std::int64_t count(const std::string& what) {
    const std::lock_guard lock(mutex_);
    return ++counts_[what];
  }
  std::map<std::string, std::int64_t> all() const {
    const std::lock_guard lock(mutex_);
    return counts_;
  }

 private:
  mutable std::mutex mutex_;
  std::map<std::string, std::int64_t> counts_;
};

Counters& fallbacks() {
  static Counters all;
  return all;
}

Counters& faults_of_plans() {
  static Counters all;
  return all;
}

std::string describe(const std::map<std::string, std::int64_t>& counts) {
  std::string text;
  for (const auto& [what, count] : counts)
    text += format(text.empty() ? "" : ", ", what, " x ", count);
  return text;
}

}  // namespace

void set_backend(Backend backend) { current = backend; }
Backend backend() { return current; }

void set_allow_tf32(bool allow) { tf32_allowed = allow; }
bool allow_tf32() { return tf32_allowed; }
void set_allow_nondeterministic(bool allow) { nondeterministic_allowed = allow; }
bool allow_nondeterministic() { return nondeterministic_allowed; }
void set_autotune(bool on) { autotune_on = on; }
bool autotune() { return autotune_on; }

bool has_fast_path() {
#if defined(OSTEON_HAS_ONEDNN)
  return true;
#else
  return false;
#endif
}

bool has_fast_bf16() { return onednn::multiplies_bf16(); }

std::map<std::string, std::int64_t> reference_fallbacks() { return fallbacks().all(); }
std::string describe_reference_fallbacks() { return describe(reference_fallbacks()); }

void count_fallback(const char* kernel, const Tensor& x) {
  if (backend() == Backend::reference || x.numel() == 0) return;
  if (x.dtype() != DType::f32 && x.dtype() != DType::bf16) return;
  fallbacks().count(format(kernel, " ", x.dtype()));
}

std::map<std::string, std::int64_t> plan_faults() { return faults_of_plans().all(); }
std::string describe_plan_faults() { return describe(plan_faults()); }

void count_plan_fault(const std::string& kind, const std::string& reason) {
  if (faults_of_plans().count(kind) == 1)
    std::fprintf(stderr, "warning: %s, the first one: %s\n", kind.c_str(), reason.c_str());
}

}  // namespace osteon
