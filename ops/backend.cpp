// The process-wide choices, and the counters of fallbacks to the reference.
#include "ops/backend.h"

#include <atomic>
#include <mutex>

#include "ops/onednn/onednn.h"

namespace osteon {
namespace {

std::atomic<Backend> current{Backend::automatic};
std::atomic<bool> tf32_allowed{false}, nondeterministic_allowed{false}, autotune_on{false};

struct Fallbacks {
  std::mutex mutex;
  std::map<std::string, std::int64_t> count;
};

Fallbacks& fallbacks() {
  static Fallbacks all;
  return all;
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

std::map<std::string, std::int64_t> reference_fallbacks() {
  const std::lock_guard lock(fallbacks().mutex);
  return fallbacks().count;
}

std::string describe_reference_fallbacks() {
  std::string text;
  for (const auto& [kernel, count] : reference_fallbacks())
    text += format(text.empty() ? "" : ", ", kernel, " x ", count);
  return text;
}

void count_fallback(const char* kernel, const Tensor& x) {
  if (backend() == Backend::reference || x.numel() == 0) return;
  if (x.dtype() != DType::f32 && x.dtype() != DType::bf16) return;
  const std::lock_guard lock(fallbacks().mutex);
  ++fallbacks().count[format(kernel, " ", x.dtype())];
}

}  // namespace osteon
