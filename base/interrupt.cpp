// The signal handler.
#include "base/interrupt.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <csignal>

namespace osteon {
namespace {

struct CaughtSignal {
  int number;
  const char* name;
};
constexpr std::array kCaught = {CaughtSignal{SIGINT, "SIGINT"}, CaughtSignal{SIGTERM, "SIGTERM"},
                                CaughtSignal{SIGHUP, "SIGHUP"}, CaughtSignal{SIGUSR1, "SIGUSR1"}};

// A signal handler receives only the signal's number, so its result must be global.
std::atomic<int> received = 0;
static_assert(std::atomic<int>::is_always_lock_free, "a handler may not wait for a lock");

void note(int signal) {
  int none = 0;
  if (!received.compare_exchange_strong(none, signal) && signal == SIGINT) ::_exit(128 + SIGINT);
}

void set_handlers(void (*handler)(int)) {
  for (const auto& [signal, name] : kCaught) {
    struct sigaction action {};
    ::sigaction(signal, nullptr, &action);
    if (action.sa_handler == SIG_IGN) continue;
    action = {};
    action.sa_handler = handler;
    action.sa_flags = SA_RESTART;
    ::sigaction(signal, &action, nullptr);
  }
}

}  // namespace

CatchInterrupts::CatchInterrupts() {
  received = 0;
  set_handlers(note);
}
CatchInterrupts::~CatchInterrupts() { set_handlers(SIG_DFL); }
int CatchInterrupts::signal() const { return received; }

std::string signal_name(int signal) {
  const auto caught = std::ranges::find(kCaught, signal, &CaughtSignal::number);
  return caught == kCaught.end() ? std::to_string(signal) : caught->name;
}

}  // namespace osteon
