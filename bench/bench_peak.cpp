// bench_peak: measures the multiply-add units of this processor on registers alone, with the
// instruction set in use; prints one line of JSON per precision. It does not access memory, so no
// matrix multiplication can be faster: it is the upper bound of bench_roof.
#include <iostream>
#include <nlohmann/json.hpp>

#include "apps/app.h"
#include "base/instruction_set.h"
#include "base/parallel.h"
#include "bench/measure_peak.h"

namespace osteon {
namespace {

void print(const char* precision, double gflops) {
  if (gflops == 0) return;
  const nlohmann::ordered_json line = {{"precision", precision},
                                       {"instruction_set", name_of(instruction_set())},
                                       {"threads", num_threads()},
                                       {"gflops", gflops}};
  std::cout << line.dump() << "\n";
}

}  // namespace
}  // namespace osteon

int main(int argc, char** argv) {
  CLI::App app("Measures the multiply-add units of this processor; prints JSON", "bench_peak");
  return osteon::run_app(app, argc, argv, [] {
    osteon::print("fp32", osteon::peak_f32_gflops());
    osteon::print("bf16", osteon::peak_bf16_gflops());
  });
}
