// The thread that makes all calls of a transport. It executes operations in the order in which they
// were started, and sleeps while it waits for other processes, so that a waiting process leaves the
// cores to those that compute. Meanwhile it tells the next process what this one is doing, and
// watches the one before.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <deque>
#include <functional>
#include <future>
#include <mutex>
#include <string>
#include <thread>

#include "comm/transport_calls.h"

namespace osteon {

class CommunicationThread {
 public:
  explicit CommunicationThread(const OsteonTransport& transport);
  // Waits for all processes.
  ~CommunicationThread();
  CommunicationThread(const CommunicationThread&) = delete;
  CommunicationThread& operator=(const CommunicationThread&) = delete;

  const OsteonPlace& place() const { return place_; }

  using Operation = std::function<void(const TransportCalls&)>;
  std::shared_future<void> start(Operation operation);

  void mark(const char* what, std::int64_t number);
  // "training step 12".
  std::string last_mark();
  void set_waiting(bool is_waiting);
  void set_hang_timeout(std::chrono::duration<double> limit);

  // Ends all processes, from any thread.
  [[noreturn]] void abort(int status);

 private:
  using Clock = std::chrono::steady_clock;
  // What a process does, as it is sent.
  struct Mark {
    char what[64] = "at the start, step";
    std::int64_t number = 0;
    double age = 0;  // seconds
    bool is_waiting = false;
  };

  int rank_before() const { return (place_.rank + place_.size - 1) % place_.size; }
  void work();
  void wait();
  void watch();
  Mark present_mark();
  void check(const Mark& mark, double silence);

  const OsteonTransport& transport_;
  OsteonPlace place_{};
  std::string host_before_;  // that of the process before this one
  int sleeps_ = 0;           // in the present operation
  std::atomic<int> abort_status_ = 0;
  std::atomic<bool> is_leaving_ = false;  // the watch has ended

  std::mutex mutex_;  // guards the members below
  std::condition_variable changed_;
  std::deque<std::packaged_task<void()>> tasks_;
  bool is_ending_ = false;
  Mark mark_;
  Clock::time_point marked_ = Clock::now();
  std::chrono::duration<double> limit_{0};

  // Of the watch.
  Mark last_received_;
  Clock::time_point sent_ = Clock::now(), received_ = Clock::now();

  TransportCalls calls_;
  std::thread thread_;
};

}  // namespace osteon
