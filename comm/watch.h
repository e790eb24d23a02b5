// Detection of a process that hangs. Each process tells the next one, about once a second, what its
// last progress was and how long ago; that one reports it when the time limit has passed.
#pragma once

#include <chrono>
#include <cstdint>
#include <mutex>
#include <optional>
#include <string>

namespace osteon {

// The message from one process to the next. Ages are measured by the sender, so that clocks need
// not agree.
struct Mark {
  char what[64] = "";  // "training step", "" before the first mark
  std::int64_t number = 0;
  double age = 0;  // seconds since the mark was set or a wait ended
  std::int32_t is_waiting = 0;
  // The number of operations that the sender's thread has begun. The last one is its end.
  std::int64_t operations = 0;
  std::int32_t is_ending = 0;
  std::int32_t is_last = 0;  // the sender sends no more marks
};

// A process's own progress. Any thread may call any function.
class Progress {
 public:
  using Clock = std::chrono::steady_clock;

  void mark(const char* what, std::int64_t number);
  // While a process waits for others, it need not make progress.
  void set_waiting(bool is_waiting);
  Mark current() const;

 private:
  mutable std::mutex mutex_;
  Mark mark_;
  Clock::time_point changed_ = Clock::now();
};

// What one process knows of the process before it.
class Watch {
 public:
  void receive(const Mark& mark);
  // Lets time pass during which no mark arrived. A watcher that was stopped itself did not listen,
  // so one call counts at most kMaxStep seconds.
  void listen(double seconds);
  // Why the other process counts as hanging, or nothing. `limit` is in seconds; 0 is no limit.
  std::optional<std::string> hang(double limit) const;
  // Whether the other process ended although this one, in its operation of this number, waits.
  bool has_left(std::int64_t operations) const {
    return last_.is_ending != 0 && operations >= last_.operations;
  }
  bool has_ended() const { return last_.is_last != 0; }

  static constexpr double kMaxStep = 1;

 private:
  Mark last_;
  double silence_ = 0;
};

}  // namespace osteon
