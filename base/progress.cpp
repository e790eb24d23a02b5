// Progress on standard error.
#include "base/progress.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <string_view>

namespace osteon {
namespace {

using Clock = std::chrono::steady_clock;
constexpr auto kPlainInterval = std::chrono::seconds(10);
constexpr auto kLiveInterval = std::chrono::milliseconds(100);

// Whether standard error is a terminal that understands the escape sequence of clear_live_line().
bool is_live_terminal() {
  const char* const type = std::getenv("TERM");
  return ::isatty(STDERR_FILENO) != 0 && type != nullptr && std::string_view(type) != "dumb";
}

// A longer line would wrap, and only its last part could be replaced.
std::size_t terminal_columns() {
  winsize size{};
  const bool is_known = ::ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 1;
  return is_known ? size.ws_col : 80;
}

}  // namespace

std::string human_duration(double seconds) {
  const auto whole = static_cast<long long>(std::llround(std::max(seconds, 0.0)));
  char text[48];
  if (whole < 60)
    std::snprintf(text, sizeof text, "%lld s", whole);
  else if (whole < 3600)
    std::snprintf(text, sizeof text, "%lld:%02lld min", whole / 60, whole % 60);
  else
    std::snprintf(text, sizeof text, "%lld:%02lld h", whole / 3600, whole / 60 % 60);
  return text;
}

std::string rounded(double value, int digits) {
  char text[64];
  std::snprintf(text, sizeof text, "%.*f", digits, value);
  return text;
}

Progress::Progress(bool quiet, bool silent)
    : quiet_(quiet || silent),
      silent_(silent),
      terminal_(is_live_terminal()),
      last_(Clock::now()) {}

void Progress::clear_live_line() {
  if (live_) std::fputs("\r\033[K", stderr);
  live_ = false;
}

void Progress::update(const std::string& text) {
  if (quiet_ || Clock::now() - last_ <
                    (terminal_ ? Clock::duration(kLiveInterval) : Clock::duration(kPlainInterval)))
    return;
  if (!terminal_) return line(text);
  clear_live_line();
  std::fputs(text.substr(0, terminal_columns() - 1).c_str(), stderr);
  std::fflush(stderr);
  live_ = true;
  last_ = Clock::now();
}

void Progress::line(const std::string& text) {
  if (quiet_) return;
  clear_live_line();
  std::fprintf(stderr, "%s\n", text.c_str());
  last_ = Clock::now();
}

void Progress::warn(const std::string& text) {
  if (silent_) return;
  clear_live_line();
  std::fprintf(stderr, "warning: %s\n", text.c_str());
}

double Pace::seconds() const {
  return std::chrono::duration<double>(Clock::now() - start_).count();
}
double Pace::images_per_second() const {
  return static_cast<double>(done_) / std::max(seconds(), 1e-9);
}
double Pace::seconds_left() const {
  return done_ == 0 ? 0 : static_cast<double>(total_ - done_) / images_per_second();
}

}  // namespace osteon
