// The thread that makes all calls of a transport: it executes operations in the order in which they
// were started, exchanges the marks of progress with its neighbours, and ends all processes.
#pragma once

#include <atomic>
#include <condition_variable>
#include <deque>
#include <functional>
#include <future>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "comm/transport.h"
#include "comm/watch.h"

namespace osteon {

class Communicator {
 public:
  // Starts the thread and opens the transport in it. Throws Error unless that finds this number of
  // processes.
  Communicator(const OsteonTransport& transport, int processes);
  // Waits until all processes have come here, and closes the transport.
  ~Communicator();
  Communicator(const Communicator&) = delete;
  Communicator& operator=(const Communicator&) = delete;

  int rank() const { return rank_; }
  int size() const { return size_; }
  // By rank.
  const std::vector<std::string>& hosts() const { return hosts_; }
  // The cores of this process; one that several processes of its host may use counts as a part.
  int cores() const { return cores_; }
  std::string name_of(int rank) const;

  // Executes the operation in the thread. An exception that it throws is thrown by the future, and
  // by those of all operations after it.
  std::shared_future<void> start(std::function<void()> operation);
  // For operations: calls start(&request), and waits until a request is done. `what` is for the
  // message of an error.
  template <class Start>
  OsteonRequest* begin(const char* what, const Start& start) {
    OsteonRequest* request = nullptr;
    check(what, start(&request));
    return request;
  }
  void complete(const char* what, OsteonRequest* request);
  template <class Start>
  void finish(const char* what, const Start& start) {
    complete(what, begin(what, start));
  }

  Progress& progress() { return progress_; }
  void set_limit(double seconds);

  // Prints "rank 1 on HOST, training step 12: WHY" and ends all processes. Any thread may call it.
  [[noreturn]] void abort(const std::string& why, int status);

 private:
  struct Operation {
    std::function<void()> run;
    std::promise<void> done;
  };

  void run(int processes, std::promise<void>& opened);
  void open(int processes);
  void execute_operations();
  void execute(Operation& operation);
  void close();
  void say_goodbye();
  void check(const char* what, int code) const;
  // Exchanges marks, and executes what other threads asked for. Cheap if nothing is due.
  void look_around();
  void exchange_marks();
  void send_mark(bool is_last);
  void receive_marks();
  void check_neighbour();
  [[noreturn]] void end_all(int status);

  const OsteonTransport& transport_;
  int rank_ = 0, size_ = 1, cores_ = 1;
  std::vector<std::string> hosts_;

  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<Operation> operations_;       // guarded by mutex_
  bool is_closing_ = false;                // guarded by mutex_
  std::atomic<bool> is_aborting_ = false;  // its line is printed, or about to be
  std::atomic<int> abort_status_ = 0;      // set once the line is printed

  // Of the thread only.
  std::exception_ptr failure_;
  std::int64_t begun_ = 0;
  bool is_ending_ = false;

  Progress progress_;
  Watch watch_;
  std::atomic<double> limit_ = 0;
  Progress::Clock::time_point looked_, sent_;
  Mark sent_mark_, received_mark_;
  OsteonRequest *sending_ = nullptr, *receiving_ = nullptr;

  std::thread thread_;  // the last member, because it uses all others
};

}  // namespace osteon
