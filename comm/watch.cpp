// Ages and limits of marks.
#include "comm/watch.h"

#include <algorithm>
#include <cstring>

#include "base/error.h"

namespace osteon {

void Progress::mark(const char* what, std::int64_t number) {
  const std::lock_guard lock(mutex_);
  const std::size_t length = ::strnlen(what, sizeof mark_.what - 1);
  *std::copy_n(what, length, mark_.what) = '\0';
  mark_.number = number;
  changed_ = Clock::now();
}

void Progress::set_waiting(bool is_waiting) {
  const std::lock_guard lock(mutex_);
  mark_.is_waiting = is_waiting ? 1 : 0;
  changed_ = Clock::now();
}

Mark Progress::current() const {
  const std::lock_guard lock(mutex_);
  Mark now = mark_;
  now.age = std::chrono::duration<double>(Clock::now() - changed_).count();
  return now;
}

void Watch::receive(const Mark& mark) {
  last_ = mark;
  silence_ = 0;
}

void Watch::listen(double seconds) { silence_ += std::min(seconds, kMaxStep); }

std::optional<std::string> Watch::hang(double limit) const {
  const bool is_late = last_.is_waiting == 0 && last_.age > limit;
  if (limit <= 0 || has_ended() || (!is_late && silence_ <= limit)) return std::nullopt;
  const bool has_mark = last_.what[0] != '\0';
  return format("has made no progress for ", limit, " s; ",
                has_mark ? format("its last mark was: ", last_.what,
                                  last_.number < 0 ? "" : format(" ", last_.number))
                         : std::string("it has set no mark"));
}

}  // namespace osteon
