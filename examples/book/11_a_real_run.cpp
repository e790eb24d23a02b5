// What a run needs beside its gradients: sums with a fixed order, draws that depend on a position,
// and files that are whole at any moment.
#include <sys/resource.h>

#include <csignal>
#include <cstdio>
#include <filesystem>
#include <fstream>

#include "base/error.h"
#include "base/file.h"
#include "base/parallel.h"
#include "base/random.h"

using namespace osteon;

namespace {

void order_of_sums() {
  const float one = 1, u = 0x1p-24F;  // u is half the distance from 1 to the next float
  const float left = one + u, right = u + u;
  std::printf("(1 + u) + u = %.9g   1 + (u + u) = %.9g\n", left + u, one + right);
  constexpr std::int64_t kTerms = 1'000'000;
  const auto sum = [](int threads) {
    set_num_threads(threads);
    std::vector<float> partial(static_cast<std::size_t>(threads));
    parallel_ranges(kTerms, 1, [&](int range, std::int64_t begin, std::int64_t end) {
      float& own = partial[static_cast<std::size_t>(range)];
      for (std::int64_t i = begin; i < end; ++i) own += 1 / static_cast<float>(i + 1);
    });
    float total = 0;
    for (const float part : partial) total += part;  // in the order of the ranges
    return total;
  };
  for (const int threads : {1, 2, 3})
    std::printf("sum of 1/i by %d threads: %.9g, again: %.9g\n", threads, sum(threads),
                sum(threads));
}

void draws() {
  RandomStream one_for_all(11);
  std::printf("image 2 of epoch 5 after");
  for (const int images_before : {0, 2}) {
    for (int i = 0; i < images_before; ++i) one_for_all.uniform();
    RandomStream by_position(11, /*epoch=*/5, /*image=*/2);
    std::printf("%s %d images: by position %.4f, from one generator %.4f", images_before ? "," : "",
                images_before, by_position.uniform(), one_for_all.uniform());
  }
  std::printf("\n");
}

// A write beyond the limit fails, as one to a full disk does.
void limit_files(rlim_t bytes) {
  std::signal(SIGXFSZ, SIG_IGN);
  rlimit limit{};
  ::getrlimit(RLIMIT_FSIZE, &limit);
  limit.rlim_cur = std::min(bytes, limit.rlim_max);
  ::setrlimit(RLIMIT_FSIZE, &limit);
}

// Two ways to replace a file of 10 bytes by one of 8,000, on a disk that is full after 5,000.
void full_disk() {
  const std::filesystem::path file = "book-11-state.tmp";
  for (const bool atomic : {false, true}) {
    std::ofstream(file) << "old state\n";
    limit_files(5000);
    const std::string state(8000, 'x');
    std::string message = "no error";
    try {
      if (atomic)
        write_file_atomically(file, state);
      else
        std::ofstream(file) << state;
    } catch (const Error& error) {
      message = "an Error";
    }
    limit_files(RLIM_INFINITY);
    std::printf("%s: %s, the file has %d bytes\n",
                atomic ? "write_file_atomically" : "std::ofstream", message.c_str(),
                static_cast<int>(std::filesystem::file_size(file)));
  }
  std::filesystem::remove(file);
}

}  // namespace

int main() {
  order_of_sums();
  draws();
  full_disk();
}
