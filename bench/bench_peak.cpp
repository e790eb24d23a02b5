// bench_peak: measures the multiply-add units of this processor on registers alone, with the
// instruction set in use; prints one line of JSON per precision. It does not access memory, so no
// matrix multiplication can be faster: it is the upper bound of bench_roof.
#include <algorithm>
#include <chrono>
#include <iostream>
#include <nlohmann/json.hpp>
#include <vector>

#include "apps/app.h"
#include "base/parallel.h"
#include "bench/peak.h"

namespace osteon {
namespace {

constexpr std::int64_t kRounds = 20'000'000;

template <class Chains>
void measure(const char* precision, const Chains& run_chains) {
  using Clock = std::chrono::steady_clock;
  const int threads = num_threads();
  std::vector<double> seconds, operations(static_cast<std::size_t>(threads));
  for (int repetition = 0; repetition < 5; ++repetition) {
    const auto begin = Clock::now();
    parallel_ranges(threads, 1, [&](int thread, std::int64_t, std::int64_t) {
      run_chains(kRounds, operations[static_cast<std::size_t>(thread)]);
    });
    seconds.push_back(std::chrono::duration<double>(Clock::now() - begin).count());
    if (operations[0] == 0) return;
  }
  std::ranges::sort(seconds);
  double total = 0;
  for (const double count : operations) total += count;
  const nlohmann::ordered_json line = {{"precision", precision},
                                       {"instruction_set", name_of(instruction_set())},
                                       {"threads", threads},
                                       {"gflops", 1e-9 * total / seconds[seconds.size() / 2]}};
  std::cout << line.dump() << "\n";
}

}  // namespace
}  // namespace osteon

int main(int argc, char** argv) {
  CLI::App app("Measures the multiply-add units of this processor; prints JSON", "bench_peak");
  return osteon::run_app(app, argc, argv, [] {
    osteon::measure("fp32", osteon::cpu::peak_f32);
    osteon::measure("bf16", osteon::cpu::peak_bf16);
  });
}
