// The loop over operations, and the watch over progress.
#include "comm/communication_thread.h"

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <vector>

#include "base/error.h"
#include "base/parallel.h"

namespace osteon {
namespace {

using Seconds = std::chrono::duration<double>;

constexpr int kYields = 200;  // before a waiting thread sleeps
constexpr std::chrono::microseconds kSleep{50};
constexpr Seconds kMarkInterval{0.5};

}  // namespace

CommunicationThread::CommunicationThread(const OsteonTransport& transport)
    : transport_(transport), calls_(transport, [this] { wait(); }) {
  std::promise<void> opened;
  thread_ = std::thread([this, &opened] {
    set_num_threads(1);  // of sums, in this thread: the cores belong to those that compute
    transport_.open(&place_);
    opened.set_value();
    work();
  });
  opened.get_future().wait();
  std::vector<OsteonPlace> places(static_cast<std::size_t>(place_.size));
  start([&](const TransportCalls& calls) {
    calls.gather(&place_, sizeof place_, places.data());
  }).get();
  host_before_ = places[static_cast<std::size_t>(rank_before())].host;
}

CommunicationThread::~CommunicationThread() {
  // The watch goes on until all have come here, and then ends in all before the library does.
  set_waiting(true);
  std::vector<char> all(static_cast<std::size_t>(place_.size));
  const auto meet = [&] {
    start([&](const TransportCalls& calls) { calls.gather("", 1, all.data()); }).wait();
  };
  meet();
  is_leaving_ = true;
  meet();
  {
    const std::lock_guard lock(mutex_);
    is_ending_ = true;
  }
  changed_.notify_all();
  thread_.join();
}

std::shared_future<void> CommunicationThread::start(Operation operation) {
  std::packaged_task<void()> task([this, operation = std::move(operation)] { operation(calls_); });
  std::shared_future<void> done = task.get_future().share();
  {
    const std::lock_guard lock(mutex_);
    tasks_.push_back(std::move(task));
  }
  changed_.notify_all();
  return done;
}

void CommunicationThread::work() {
  for (;;) {
    std::packaged_task<void()> task;
    {
      std::unique_lock lock(mutex_);
      changed_.wait_for(lock, kMarkInterval,
                        [this] { return is_ending_ || !tasks_.empty() || abort_status_ != 0; });
      if (!tasks_.empty()) {
        task = std::move(tasks_.front());
        tasks_.pop_front();
      } else if (is_ending_) {
        break;
      }
    }
    sleeps_ = 0;
    if (task.valid()) task();
    watch();
  }
  // Marks that were on their way when the watch ended.
  Mark mark;
  while (place_.size > 1 && transport_.receive_mark(&mark, sizeof mark, rank_before()) != 0)
    continue;
  transport_.close();
}

// While an operation is not done: the library makes progress only in its calls.
void CommunicationThread::wait() {
  if (++sleeps_ <= kYields)
    std::this_thread::yield();
  else
    std::this_thread::sleep_for(kSleep);
  if (sleeps_ % 16 == 0) watch();
}

void CommunicationThread::mark(const char* what, std::int64_t number) {
  const std::lock_guard lock(mutex_);
  std::snprintf(mark_.what, sizeof mark_.what, "%s", what);
  mark_.number = number;
  marked_ = Clock::now();
}

std::string CommunicationThread::last_mark() {
  const std::lock_guard lock(mutex_);
  return format(mark_.what, " ", mark_.number);
}

void CommunicationThread::set_waiting(bool is_waiting) {
  const std::lock_guard lock(mutex_);
  mark_.is_waiting = is_waiting;
  marked_ = Clock::now();
}

void CommunicationThread::set_hang_timeout(Seconds limit) {
  const std::lock_guard lock(mutex_);
  limit_ = limit;
  marked_ = received_ = Clock::now();
}

CommunicationThread::Mark CommunicationThread::present_mark() {
  Mark mark = mark_;
  mark.age = Seconds(Clock::now() - marked_).count();
  return mark;
}

// Sends this process's mark to the next one, and checks that of the one before.
void CommunicationThread::watch() {
  if (abort_status_ != 0) transport_.abort(abort_status_);
  const Clock::time_point now = Clock::now();
  if (place_.size == 1 || is_leaving_ || now - sent_ < kMarkInterval) return;
  sent_ = now;
  const std::lock_guard lock(mutex_);
  const Mark mark = present_mark();
  transport_.send_mark(&mark, sizeof mark, (place_.rank + 1) % place_.size);
  Mark received;
  while (transport_.receive_mark(&received, sizeof received, rank_before()) != 0) {
    last_received_ = received;
    received_ = now;
  }
  check(last_received_, Seconds(now - received_).count());
}

// Ends all processes if the one before makes no progress while it does not wait for others, or if
// it has been silent (stopped) for the limit.
void CommunicationThread::check(const Mark& mark, double silence) {
  const double limit = limit_.count();
  if (limit <= 0 || (silence < limit && (mark.is_waiting || mark.age < limit))) return;
  std::fprintf(
      stderr,
      "rank %d on %s has made no progress for %.0f s; the last was: %s %lld; all processes "
      "end (--hang-timeout)\n",
      rank_before(), host_before_.c_str(), limit, mark.what, static_cast<long long>(mark.number));
  transport_.abort(1);
}

void CommunicationThread::abort(int status) {
  abort_status_ = std::max(1, status);
  changed_.notify_all();
  for (;;) std::this_thread::sleep_for(std::chrono::seconds(1));
}

}  // namespace osteon
