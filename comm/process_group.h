// The processes that work on one task together: data parallel training, shared evaluation. They are
// started by mpirun or srun; a process that was started alone is a group of one, for which every
// function here returns at once.
//
//   ProcessGroup& group = world();
//   group.all_reduce(gradients);                       // the sum, in every process
//   if (group.rank() == 0) std::cout << "done\n";
//
// All processes must call the same functions in the same order with tensors of the same shape. Only
// one thread of a process may call them (except mark). The group's own thread does the
// communication, so that a started sum makes progress while the caller computes.
#pragma once

#include <chrono>
#include <cstdint>
#include <cstring>
#include <functional>
#include <future>
#include <memory>
#include <string>
#include <type_traits>
#include <vector>

#include "tensor/tensor.h"

namespace osteon {

// The order in which a sum adds its values. On the CPU the sums of both are the same.
enum class SumOrder { tree, any };

class ProcessGroup {
 public:
  virtual ~ProcessGroup() = default;
  ProcessGroup(const ProcessGroup&) = delete;
  ProcessGroup& operator=(const ProcessGroup&) = delete;

  int rank() const { return place_.rank; }
  int size() const { return place_.size; }
  // The same among the processes of this host.
  int local_rank() const { return place_.local_rank; }
  int local_size() const { return place_.local_size; }
  bool is_first() const { return rank() == 0; }
  // The cores that this process should use: a core that several processes of this host may use
  // counts as a part. base/parallel.h does not know of the other processes, so a program calls
  // set_num_threads(cores()), unless its user chose a number of threads.
  int cores() const { return place_.cores; }
  const std::string& host() const { return place_.host; }
  // "rank 1 on HOST", for messages.
  std::string name() const;

  // x <- the first process's x. CPU tensors of any dtype.
  virtual void broadcast(const Tensor& x) = 0;

  // Starts x <- sum of all processes' x, the same bits in every one. CPU tensors in f32, f64 or
  // i64, and CUDA tensors in f32 or f64, if each process has a device of its own.
  // Until wait() has been called on the result, nothing else may use x. A failure throws from
  // wait(). For a power of two of processes the sum is
  //
  //   ((x0 + x1) + (x2 + x3)) + ...
  //
  // so that a sum over 2^n values is the same, bit for bit, however they are distributed over
  // processes that add theirs in this order. For other numbers the MPI library adds, or NCCL on
  // CUDA devices, and with SumOrder::any NCCL always adds there.
  //
  // On a CUDA device the sum is work like any other: it begins when the work that was issued before
  // is done, runs beside the work that is issued after, and wait() lets only the device wait.
  virtual std::shared_future<void> start_all_reduce(const Tensor& x, SumOrder order) = 0;
  std::shared_future<void> start_all_reduce(const Tensor& x) {
    return start_all_reduce(x, SumOrder::tree);
  }
  // The same, finished.
  void all_reduce(const Tensor& x, SumOrder order = SumOrder::tree) {
    wait(start_all_reduce(x, order));
  }
  // Throws Error if a sum on a CUDA device has failed so far as is known. Waits for nothing. The
  // group can add up no more then.
  virtual void check_device() {}
  // Waits for a started operation; the time counts as waiting, not as a lack of progress.
  void wait(const std::shared_future<void>& operation);

  // Every process's text (any bytes), by rank.
  virtual std::vector<std::string> all_gather(const std::string& text) = 0;

  // The text of the first process of this host; that of the others is ignored.
  std::string from_first_of_host(const std::string& text);

  // Returns when every process has called it.
  void barrier() { all_gather({}); }

  // Notes that this process makes progress, and with what ("training step 12", "evaluating"). Any
  // thread may call it, as often as it likes. A process that sets no mark for the time limit, while
  // it is not waiting for others, is reported by another one, and all end (see set_hang_timeout).
  virtual void mark(const char* what, std::int64_t number) = 0;
  // 0: no limit (the default).
  virtual void set_hang_timeout(std::chrono::duration<double> limit) = 0;

  // Prints "rank 1 on HOST, training step 12: WHY", with the last mark, and ends all processes with
  // this exit status.
  [[noreturn]] virtual void abort(const std::string& why, int status) = 0;

 protected:
  struct Place {
    int rank = 0, size = 1, local_rank = 0, local_size = 1, cores = 1;
    std::string host;
  };
  explicit ProcessGroup(Place place) : place_(std::move(place)) {}
  virtual void set_waiting(bool /*is_waiting*/) {}

 private:
  const Place place_;
};

// The group of this process, opened at the first call: the processes that mpirun or srun started,
// else a group of one. Throws Error with the way out if a launcher started this process but the
// build has no library for that launcher's MPI.
ProcessGroup& world();

// The values of all processes of world(), by rank. T is trivially copyable.
template <class T>
std::vector<T> gather_values(const T& mine) {
  static_assert(std::is_trivially_copyable_v<T>);
  std::vector<T> values;
  for (const std::string& bytes :
       world().all_gather({reinterpret_cast<const char*>(&mine), sizeof(T)})) {
    T& value = values.emplace_back();
    std::memcpy(&value, bytes.data(), sizeof(T));
  }
  return values;
}

}  // namespace osteon
