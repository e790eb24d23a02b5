// For every way in which an isolated process can end, the caller gets the reason, and nothing else
// changes.
#include "data/image/isolated.h"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <iostream>
#include <thread>
#include <vector>

#include "base/error.h"
#include "tests/support/message_of.h"
#include "tests/support/temporary_folder.h"

using namespace osteon;

namespace {

// Work and the reason that run_isolated returns for it.
struct Row {
  std::string name;
  std::function<void(SharedMemory&)> work;
  std::string ended;
  unsigned seconds = 60;
};

void mark(SharedMemory& memory) { memory.data()[0] = std::byte{1}; }

const std::vector<Row> kRows = {
    {"returns", mark, ""},
    {"throws", [](SharedMemory&) { throw Error("not passed on"); }, "an exception"},
    {"aborts", [](SharedMemory&) { std::abort(); }, "signal 6, Aborted"},
    {"dies of a signal", [](SharedMemory&) { ::raise(SIGSEGV); }, "signal 11, Segmentation fault"},
    {"computes for ever",
     [](SharedMemory& memory) {
       const volatile std::byte* const at = memory.data();
       while (*at == std::byte{0}) {
       }
     },
     "more than 1 s of computing"},
    {"waits for ever", [](SharedMemory&) { std::this_thread::sleep_for(std::chrono::hours(1)); },
     "more than 2 s", 2},
    {"is interrupted by Ctrl-C and continues",
     [](SharedMemory& memory) {
       ::raise(SIGINT);
       ::raise(SIGTERM);
       mark(memory);
     },
     ""},
    {"takes too much memory",
     [](SharedMemory&) {
       OSTEON_CHECK(::mmap(nullptr, std::size_t{2} << 30, PROT_READ | PROT_WRITE,
                           MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0) != MAP_FAILED,
                    "refused");
     },
     "an exception"},
    {"takes less memory than the limit",
     [](SharedMemory& memory) {
       OSTEON_CHECK(::mmap(nullptr, std::size_t{1} << 29, PROT_READ | PROT_WRITE,
                           MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0) != MAP_FAILED,
                    "refused");
       mark(memory);
     },
     ""},
    {"opens a file",
     [](SharedMemory&) { OSTEON_CHECK(::open("/dev/null", O_RDONLY) >= 0, "refused"); },
     "an exception"},
};

constexpr IsolationLimits kLimits{.cpu_seconds = 1, .seconds = 60, .bytes = std::size_t{1} << 30};

}  // namespace

TEST_CASE("the caller learns how the work ended") {
  for (const Row& row : kRows) {
    CAPTURE(row.name);
    SharedMemory memory(4096);
    IsolationLimits limits = kLimits;
    limits.seconds = row.seconds;
    CHECK(run_isolated(limits, [&] { row.work(memory); }) == row.ended);
    CHECK(memory.data()[0] == std::byte{row.ended.empty()});
  }
}

TEST_CASE("an open file is not written to, and memory stays as it was") {
  const TemporaryFolder folder;
  const auto file = folder.write("file", "before");
  const int descriptor = ::open(file.c_str(), O_WRONLY | O_APPEND);
  REQUIRE(descriptor >= 0);
  int value = 1;
  CHECK(run_isolated(kLimits, [&] {
          value = 2;
          OSTEON_CHECK(::write(descriptor, "after", 5) == 5, "refused");
        }) == "an exception");
  CHECK(value == 1);
  CHECK(::close(descriptor) == 0);
  std::ifstream in(file);
  CHECK(std::string(std::istreambuf_iterator<char>(in), {}) == "before");
}

TEST_CASE("several threads at once each get their own result") {
  constexpr int kThreads = 4, kEach = 25;
  std::vector<int> right(kThreads);
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t)
    threads.emplace_back([&right, t] {
      for (int i = 0; i < kEach; ++i) {
        SharedMemory memory(4096);
        // A long text: heap memory must work in a copy of a process with several threads.
        const std::string ended = run_isolated(kLimits, [&] {
          const std::vector<std::string> texts(100,
                                               std::string(100 + static_cast<std::size_t>(i), 'x'));
          memory.data()[0] = static_cast<std::byte>(texts.back().size());
          if (i % 5 == t) std::abort();
        });
        const bool aborts = i % 5 == t;
        right[static_cast<std::size_t>(t)] += ended == (aborts ? "signal 6, Aborted" : "") &&
                                              memory.data()[0] == static_cast<std::byte>(100 + i);
      }
    });
  for (std::thread& thread : threads) thread.join();
  CHECK(right == std::vector<int>(kThreads, kEach));
}
