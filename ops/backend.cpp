// The CPU's choice of back end, part of its context.
#include "ops/backend.h"

#include <atomic>

namespace osteon {
namespace {
std::atomic<Backend> current{Backend::automatic};
}

void set_backend(Backend backend) { current = backend; }
Backend backend() { return current; }

}  // namespace osteon
