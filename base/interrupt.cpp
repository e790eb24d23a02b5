// The signal handler.
#include "base/interrupt.h"

#include <unistd.h>

#include <array>
#include <atomic>
#include <csignal>

namespace osteon {
namespace {

constexpr std::array kCaught = {SIGINT, SIGTERM};

// A signal handler receives only the signal's number, so its result must be global.
std::atomic<int> received = 0;
static_assert(std::atomic<int>::is_always_lock_free, "a handler may not wait for a lock");

void note(int signal) {
  int none = 0;
  if (!received.compare_exchange_strong(none, signal) && signal == SIGINT) ::_exit(128 + SIGINT);
}

void set_handlers(void (*handler)(int)) {
  for (const int signal : kCaught) {
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
  return signal == SIGINT ? "SIGINT" : signal == SIGTERM ? "SIGTERM" : std::to_string(signal);
}

}  // namespace osteon
