// Sets GOMP_SPINCOUNT and executes the program again.
#include "base/thread_waiting.h"

#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <system_error>

namespace osteon {
namespace {

// Some tens of microseconds: about the cost of putting a thread to sleep and waking it.
[[maybe_unused]] constexpr const char* kSpins = "10000";

}  // namespace

void restart_with_short_spin([[maybe_unused]] char** argv) {
#if defined(__GNUC__) && !defined(__clang__)
  if (std::getenv("GOMP_SPINCOUNT") != nullptr || std::getenv("OMP_WAIT_POLICY") != nullptr) return;
  // Executed by its real path: with /proc/self/exe, the list of processes would show "exe".
  std::error_code error;
  const std::filesystem::path program = std::filesystem::read_symlink("/proc/self/exe", error);
  if (error || ::setenv("GOMP_SPINCOUNT", kSpins, 1) != 0) return;
  ::execv(program.c_str(), argv);  // returns only on failure; then the long spin stays
#endif
}

}  // namespace osteon
