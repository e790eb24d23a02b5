// The loop of the communication thread. A waiting thread asks the transport again and again, with
// short pauses, so that it occupies almost none of the core on which the process computes.
#include "comm/communicator.h"

#include <sched.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>

#include "base/error.h"

namespace osteon {
namespace {

using std::chrono::duration;
using std::chrono::microseconds;
using std::chrono::milliseconds;
using Clock = Progress::Clock;

// Without operations, the transport is still asked this often: a small message that was sent may
// be in its own buffer.
constexpr milliseconds kIdlePause{10};
constexpr milliseconds kLookPause{20};
constexpr double kMarkPause = 1;  // seconds
// Then a process ends without the transport's help; the launcher ends the others.
constexpr std::chrono::seconds kAbortTime{5};
// MPICH's launcher ends all processes at once, and drops the lines that it has not passed on yet.
constexpr std::chrono::milliseconds kLineTime{300};

// Yields for as long as most small operations take, then sleeps for a small part of the time that
// passed: a process that waits for long occupies about 1 % of a core.
class Pause {
 public:
  void wait() {
    const auto passed = Clock::now() - start_;
    if (passed < microseconds(200))
      std::this_thread::yield();
    else
      std::this_thread::sleep_for(
          std::clamp<Clock::duration>(passed / 50, microseconds(20), microseconds(500)));
  }

 private:
  const Clock::time_point start_ = Clock::now();
};

// What the processes tell each other first.
struct Introduction {
  char host[128] = "";
  cpu_set_t cpus{};
};

// Each core is divided among the processes of this host that may use it.
int share_of_cores(const std::vector<Introduction>& all, const Introduction& mine) {
  double share = 0;
  for (int cpu = 0; cpu < CPU_SETSIZE; ++cpu) {
    if (!CPU_ISSET(cpu, &mine.cpus)) continue;
    share += 1.0 / static_cast<double>(std::ranges::count_if(all, [&](const Introduction& other) {
               return std::string(other.host) == mine.host && CPU_ISSET(cpu, &other.cpus);
             }));
  }
  return std::max(1, static_cast<int>(share + 1e-6));
}

void print_line(const std::string& text) {
  const std::string line = text + "\n";
  // One call, so that the lines of several processes do not mix.
  if (::write(STDERR_FILENO, line.data(), line.size()) < 0) return;
}

}  // namespace

Communicator::Communicator(const OsteonTransport& transport, int processes)
    : transport_(transport) {
  std::promise<void> opened;
  thread_ = std::thread([&, processes] { run(processes, opened); });
  try {
    opened.get_future().get();
  } catch (...) {
    thread_.join();
    throw;
  }
}

Communicator::~Communicator() {
  // Some transports end a process by exit(), from the thread of this object.
  if (is_aborting_) {
    thread_.detach();
    return;
  }
  progress_.set_waiting(true);
  {
    const std::lock_guard lock(mutex_);
    is_closing_ = true;
  }
  wake_.notify_one();
  thread_.join();
}

std::string Communicator::name_of(int rank) const {
  return format("rank ", rank, " on ", hosts_[static_cast<std::size_t>(rank)]);
}

std::shared_future<void> Communicator::start(std::function<void()> operation) {
  Operation next{std::move(operation), {}};
  std::shared_future<void> done = next.done.get_future().share();
  {
    const std::lock_guard lock(mutex_);
    operations_.push_back(std::move(next));
  }
  wake_.notify_one();
  return done;
}

void Communicator::set_limit(double seconds) {
  progress_.set_waiting(false);
  limit_ = seconds;
}

void Communicator::abort(const std::string& why, int status) {
  if (!is_aborting_.exchange(true)) {
    const Mark last = progress_.current();
    const std::string place =
        last.what[0] != '\0' ? format(", ", last.what, " ", last.number) : std::string();
    print_line(name_of(rank_) + place + ": " + why);
  }
  abort_status_ = status;
  wake_.notify_one();
  if (std::this_thread::get_id() == thread_.get_id()) end_all(status);
  std::this_thread::sleep_for(kAbortTime);
  ::_exit(status);
}

void Communicator::run(int processes, std::promise<void>& opened) {
  ::prctl(PR_SET_TIMERSLACK, 1000, 0, 0, 0);  // ns; the default of 50 us doubles short sleeps
  try {
    open(processes);
  } catch (...) {
    opened.set_exception(std::current_exception());
    return;
  }
  opened.set_value();
  try {
    execute_operations();
    close();
  } catch (const std::exception& error) {
    abort(error.what(), 1);
  }
}

void Communicator::open(int processes) {
  check("opening", transport_.open(&rank_, &size_));
  if (size_ != processes) {
    transport_.close();
    throw Error(format("MPI found ", size_, " of ", processes,
                       " processes: use the mpirun of the MPI with which this was built"));
  }
  Introduction mine;
  ::gethostname(mine.host, sizeof mine.host - 1);
  ::sched_getaffinity(0, sizeof mine.cpus, &mine.cpus);
  std::vector<Introduction> all(static_cast<std::size_t>(size_));
  looked_ = Clock::now();
  finish("opening", [&](OsteonRequest** request) {
    return transport_.start_all_gather(&mine, all.data(), sizeof mine, request);
  });
  for (const Introduction& one : all) hosts_.emplace_back(one.host);
  cores_ = share_of_cores(all, mine);
}

void Communicator::execute_operations() {
  for (;;) {
    std::unique_lock lock(mutex_);
    wake_.wait_for(lock, kIdlePause,
                   [&] { return !operations_.empty() || is_closing_ || abort_status_ != 0; });
    if (operations_.empty()) {
      if (is_closing_) return;
      lock.unlock();
      look_around();
      continue;
    }
    Operation operation = std::move(operations_.front());
    operations_.pop_front();
    lock.unlock();
    execute(operation);
  }
}

void Communicator::execute(Operation& operation) {
  ++begun_;
  try {
    if (failure_) std::rethrow_exception(failure_);
    operation.run();
    // What it refers to is released before the caller goes on.
    operation.run = nullptr;
    operation.done.set_value();
  } catch (...) {
    failure_ = std::current_exception();
    operation.done.set_exception(failure_);
  }
}

void Communicator::close() {
  if (failure_) std::rethrow_exception(failure_);
  ++begun_;
  is_ending_ = true;
  finish("closing", [this](OsteonRequest** request) { return transport_.start_barrier(request); });
  say_goodbye();
  check("closing", transport_.close());
}

void Communicator::check(const char* what, int code) const {
  if (code == 0) return;
  char text[512];
  transport_.error_text(code, text, sizeof text);
  throw Error(format("MPI: ", what, " failed in rank ", rank_, ": ", text));
}

void Communicator::complete(const char* what, OsteonRequest* request) {
  Pause pause;
  for (std::int32_t is_done = 0;;) {
    check(what, transport_.test(request, &is_done));
    if (is_done != 0) return;
    look_around();
    pause.wait();
  }
}

void Communicator::look_around() {
  if (abort_status_ != 0) end_all(abort_status_);
  const Clock::time_point now = Clock::now();
  if (now - looked_ < kLookPause || hosts_.empty() || size_ == 1) return;
  exchange_marks();
  watch_.listen(duration<double>(now - looked_).count());
  looked_ = now;
  check_neighbour();
}

void Communicator::check_neighbour() {
  std::optional<std::string> fault = watch_.hang(limit_);
  if (!fault && !is_ending_ && watch_.has_left(begun_))
    fault = "has ended, and the others wait for it";
  if (!fault) return;
  if (!is_aborting_.exchange(true)) print_line(name_of((rank_ + size_ - 1) % size_) + " " + *fault);
  end_all(1);
}

void Communicator::exchange_marks() {
  const double limit = limit_;
  const double pause = limit > 0 ? std::min(kMarkPause, limit / 4) : kMarkPause;
  if (duration<double>(Clock::now() - sent_).count() >= pause) send_mark(false);
  receive_marks();
}

void Communicator::send_mark(bool is_last) {
  // A process that is stopped takes no marks: the next one waits.
  std::int32_t is_done = 1;
  if (sending_ != nullptr) check("sending a mark", transport_.test(sending_, &is_done));
  if (is_done == 0) return;
  sending_ = nullptr;
  sent_ = Clock::now();
  sent_mark_ = progress_.current();
  sent_mark_.operations = begun_;
  sent_mark_.is_ending = is_ending_ ? 1 : 0;
  sent_mark_.is_last = is_last ? 1 : 0;
  check("sending a mark", transport_.start_sending_mark((rank_ + 1) % size_, &sent_mark_,
                                                        sizeof sent_mark_, &sending_));
}

void Communicator::receive_marks() {
  while (!watch_.has_ended()) {
    if (receiving_ == nullptr)
      check("receiving a mark",
            transport_.start_receiving_mark((rank_ + size_ - 1) % size_, &received_mark_,
                                            sizeof received_mark_, &receiving_));
    std::int32_t is_done = 0;
    check("receiving a mark", transport_.test(receiving_, &is_done));
    if (is_done == 0) return;
    receiving_ = nullptr;
    watch_.receive(received_mark_);
  }
}

// Leaves no message behind that nobody receives.
void Communicator::say_goodbye() {
  if (size_ == 1) return;
  Pause pause;
  bool is_sent = false;
  for (;;) {
    if (!is_sent) {
      send_mark(true);
      is_sent = sent_mark_.is_last != 0;
    }
    receive_marks();
    std::int32_t is_done = sending_ == nullptr ? 1 : 0;
    if (is_sent && is_done == 0) check("sending a mark", transport_.test(sending_, &is_done));
    if (is_done != 0) sending_ = nullptr;
    if (is_sent && is_done != 0 && watch_.has_ended()) return;
    pause.wait();
  }
}

void Communicator::end_all(int status) {
  std::this_thread::sleep_for(kLineTime);
  transport_.abort(status);
  std::this_thread::sleep_for(kAbortTime);
  ::_exit(status);
}

}  // namespace osteon
