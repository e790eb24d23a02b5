// One of the processes of tests/comm/processes_test.py:
//
//   processes sums | texts | outstanding | place    checks; an error ends all processes with status
//   1 processes measure                               prints times and rates of sums processes
//   leave | abort | kill | stop | busy    what the second process does while all others wait
//   processes long_wait                             longer than the limit, while one makes progress
//   processes wrong_use                             prints the errors
#include <sched.h>
#include <signal.h>

#include <cmath>
#include <iomanip>
#include <iostream>
#include <map>
#include <thread>

#include "base/error.h"
#include "comm/process_group.h"
#include "tests/support/message_of.h"

namespace osteon {
namespace {

using std::chrono::duration;

constexpr double kLimit = 2;  // seconds

bool is_power_of_two(int n) { return (n & (n - 1)) == 0; }

// Element i of a process's tensor. The sum of four of them depends on the order.
double element(int rank, std::int64_t i, DType dtype) {
  if (dtype == DType::i64) return static_cast<double>((i + 1) * (rank + 3));
  constexpr double kValues[] = {1e8, 1, -1e8, 1, 3, 1e-3, 7e7, -2};
  return kValues[(static_cast<std::int64_t>(rank) * 3 + i) % 8] + static_cast<double>(i % 5);
}

template <class T>
Tensor elements(int rank, std::int64_t n) {
  Tensor x({n}, dtype_of<T>());
  for (std::int64_t i = 0; i < n; ++i)
    x.data<T>()[i] = static_cast<T>(element(rank, i, dtype_of<T>()));
  return x;
}

// The sum over ranks [begin, end), each half first.
template <class T>
T tree_of(int begin, int end, std::int64_t i) {
  if (end - begin == 1) return static_cast<T>(element(begin, i, dtype_of<T>()));
  const int middle = (begin + end) / 2;
  return tree_of<T>(begin, middle, i) + tree_of<T>(middle, end, i);
}

std::string bytes_of(const Tensor& x) {
  return {reinterpret_cast<const char*>(x.raw()), x.bytes()};
}

// The same bits in every process.
void check_is_equal_everywhere(ProcessGroup& group, const Tensor& x) {
  const std::string mine = bytes_of(x);
  for (const std::string& other : group.all_gather(mine))
    OSTEON_CHECK(other == mine, "two processes have different sums");
}

template <class T>
void check_sum(ProcessGroup& group, std::int64_t n) {
  const Tensor x = elements<T>(group.rank(), n);
  group.all_reduce(x);
  for (std::int64_t i = 0; i < n; ++i) {
    const T sum = x.data<T>()[i], expected = tree_of<T>(0, group.size(), i);
    const double tolerance = is_power_of_two(group.size()) || dtype_of<T>() == DType::i64 ? 0
                             : dtype_of<T>() == DType::f32                                ? 64
                                                                                          : 1e-6;
    OSTEON_CHECK(std::abs(static_cast<double>(sum - expected)) <= tolerance, std::setprecision(17),
                 "sum of ", dtype_of<T>(), ", element ", i, " of ", n, ": ", sum, ", expected ",
                 expected);
  }
  if (n <= 100'000) check_is_equal_everywhere(group, x);
}

void sums(ProcessGroup& group) {
  for (const std::int64_t n : {0, 1, 2, 3, 5, 7, 1000, 99'999}) {
    check_sum<float>(group, n);
    check_sum<double>(group, n);
    check_sum<std::int64_t>(group, n);
  }
  check_sum<float>(group, 3'000'003);  // in several pieces
  // By hand: in f32, (1e8 + 1) + (-1e8 + 1) is 0, and ((1e8 + 1) - 1e8) + 1 is 1.
  const float values[] = {1e8F, 1, -1e8F, 1};
  const Tensor x = full({1}, values[group.rank() % 4]);
  if (group.size() == 4) {
    group.all_reduce(x);
    OSTEON_CHECK(x.item() == 0, "the tree is (x0 + x1) + (x2 + x3), but the sum is ", x);
  }
}

void texts(ProcessGroup& group) {
  for (const std::size_t length : {0, 1, 1000, 1'000'000}) {
    // Each text has its own length and binary zeros; every third one is empty.
    const auto text_of = [&](int rank) {
      const auto place = static_cast<std::size_t>(rank);
      std::string text(place % 3 == 2 ? 0 : length + place, '\0');
      for (std::size_t i = 0; i < text.size(); i += 2) text[i] = static_cast<char>(i + place);
      return text;
    };
    const std::vector<std::string> all = group.all_gather(text_of(group.rank()));
    OSTEON_CHECK(all.size() == static_cast<std::size_t>(group.size()), all.size(), " texts");
    for (int rank = 0; rank < group.size(); ++rank)
      OSTEON_CHECK(all[static_cast<std::size_t>(rank)] == text_of(rank), "text of rank ", rank,
                   " for length ", length);
  }
  for (const std::int64_t n : {0, 1, 1000, 20'000'003})
    for (const DType dtype : {DType::f32, DType::u8, DType::bf16}) {
      const Tensor x = full({n}, group.rank() + 3, dtype);
      group.broadcast(x);
      OSTEON_CHECK(bytes_of(x) == bytes_of(full({n}, 3, dtype)), "broadcast of ", n, " ", dtype);
    }
}

// Many sums at once, while this thread computes; waited for in another order.
void outstanding(ProcessGroup& group) {
  constexpr std::int64_t kSums = 200;
  std::vector<Tensor> tensors;
  std::vector<std::shared_future<void>> started;
  double work = 0;
  for (std::int64_t i = 0; i < kSums; ++i) {
    tensors.push_back(full({1 + i * 37 % 5000}, group.rank() + static_cast<double>(i), DType::f64));
    started.push_back(group.start_all_reduce(tensors.back()));
    for (int k = 0; k < 20'000; ++k) work += std::sqrt(k);
  }
  OSTEON_CHECK(work > 0, "the work was left out");
  for (std::int64_t i = kSums; i-- > 0;) {
    const auto place = static_cast<std::size_t>(i);
    group.wait(started[place]);
    const double expected =
        group.size() * static_cast<double>(i) + group.size() * (group.size() - 1) / 2.0;
    for (const double value : tensors[place].to_vector())
      OSTEON_CHECK(value == expected, "sum ", i, ": ", value, ", expected ", expected);
  }
}

void place(ProcessGroup& group) {
  cpu_set_t cpus;
  CPU_ZERO(&cpus);
  ::sched_getaffinity(0, sizeof cpus, &cpus);
  const std::string line =
      format(group.name(), ": ", group.local_rank(), " of ", group.local_size(), ", cores ",
             group.cores(), " of ", CPU_COUNT(&cpus), "\n");
  for (const std::string& each : group.all_gather(line))
    if (group.is_first()) std::cout << each;
}

double seconds_of(ProcessGroup& group, std::int64_t n, int times) {
  const Tensor x = zeros({n});
  double least = 1e9;
  for (int i = 0; i < times; ++i) {
    group.barrier();
    const auto start = std::chrono::steady_clock::now();
    group.all_reduce(x);
    least = std::min(least, duration<double>(std::chrono::steady_clock::now() - start).count());
  }
  return least;
}

void measure(ProcessGroup& group) {
  for (const std::int64_t n : {1LL, 1000LL, 100'000LL, 1'000'000LL, 25'000'000LL}) {
    const double seconds = seconds_of(group, n, n < 1'000'000 ? 200 : 10);
    if (group.is_first())
      std::cout << std::setw(10) << n * 4 << " bytes " << std::setw(10) << seconds * 1e6 << " us "
                << std::setw(8) << static_cast<double>(n) * 4e-6 / seconds << " MB/s\n";
  }
}

// The second process does something else, after a mark, while all others wait for it.
void others_wait(ProcessGroup& group, void (*otherwise)(ProcessGroup&)) {
  group.set_hang_timeout(duration<double>(kLimit));
  group.mark("training step", 11 + group.rank());
  group.barrier();
  std::this_thread::sleep_for(duration<double>(kLimit * 3 / 4));  // until the mark was sent
  if (group.rank() == 1) otherwise(group);
  group.barrier();
}

// Each process is without a mark for longer than the limit, but never without waiting for others.
void long_wait(ProcessGroup& group) {
  group.set_hang_timeout(duration<double>(kLimit));
  for (int i = 0; i < 2; ++i) {
    if (group.rank() == i)
      for (int k = 0; k < 6; ++k) {
        std::this_thread::sleep_for(duration<double>(kLimit / 3));
        group.mark("evaluating", k);
      }
    group.barrier();
    std::this_thread::sleep_for(duration<double>(kLimit / 2));
  }
}

void wrong_use(ProcessGroup& group) {
  std::string messages = message_of([&] { group.all_reduce(full({2}, 1, DType::bf16)); }) + "\n";
  group.barrier();  // the group is as before
  if (group.is_first()) std::cout << messages;
}

const std::map<std::string, void (*)(ProcessGroup&)> kParts = {
    {"sums", sums},
    {"texts", texts},
    {"outstanding", outstanding},
    {"place", place},
    {"measure", measure},
    {"long_wait", long_wait},
    {"wrong_use", wrong_use},
    {"leave",  // without an error, while the others wait
     [](ProcessGroup& group) {
       group.barrier();
       if (group.rank() != 1) group.all_reduce(full({3}, 1));
     }},
    {"abort",
     [](ProcessGroup& group) {
       others_wait(group, [](ProcessGroup& own) { own.abort("no more images", 3); });
     }},
    {"kill",
     [](ProcessGroup& group) { others_wait(group, [](ProcessGroup&) { ::raise(SIGKILL); }); }},
    {"stop",
     [](ProcessGroup& group) { others_wait(group, [](ProcessGroup&) { ::raise(SIGSTOP); }); }},
    {"busy",
     [](ProcessGroup& group) {
       others_wait(group, [](ProcessGroup&) {
         for (volatile bool is_busy = true; is_busy;) {
         }
       });
     }},
};

}  // namespace
}  // namespace osteon

int main(int argc, char** argv) {
  try {
    const auto part = osteon::kParts.find(argc > 1 ? argv[1] : "");
    OSTEON_CHECK(part != osteon::kParts.end(), "processes: see the first lines of processes.cpp");
    osteon::ProcessGroup& group = osteon::world();
    try {
      part->second(group);
    } catch (const std::exception& error) {
      group.abort(error.what(), 1);
    }
    return 0;
  } catch (const std::exception& error) {
    std::cerr << osteon::format(error.what(), "\n");  // one line, though others print theirs
    return 1;
  }
}
