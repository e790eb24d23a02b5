// Searches for faults of oneDNN. Random shapes (op_random_rows.h) on the fast path are compared
// with float64 on the reference kernels: outputs and all gradients, in f32 and bf16. Each shape is
// computed three times and must give the same bits.
// ctest runs this once per instruction set of oneDNN, through DNNL_MAX_CPU_ISA.
//
// Each run draws new shapes. A failure prints the seed:
//   OSTEON_SWEEP_SEED=<seed>     draws the same shapes again
//   OSTEON_SWEEP_SHAPES=<count>  number of shapes (300; 5,000 in the long test)
//
// A fault found here becomes a row of ops/onednn/faults.cpp.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <random>
#include <string>

#include "base/parallel.h"
#include "ops/convolution/run.h"
#include "ops/onednn/sweep.h"
#include "tests/ops/op_random_rows.h"
#include "tests/ops/op_runs.h"
#include "tests/ops/op_tolerance.h"

using namespace osteon;

namespace {

std::uint64_t number_from_environment(const char* name, std::uint64_t otherwise) {
  const char* text = std::getenv(name);
  return text ? std::stoull(text) : otherwise;
}

// Whether DNNL_MAX_CPU_ISA names an instruction set that this processor lacks. ctest searches for
// this message.
bool is_skipped() {
  const char* wanted = std::getenv("DNNL_MAX_CPU_ISA");
  if (!wanted || wanted == std::string("ALL") || wanted == onednn::instruction_set()) return false;
  MESSAGE(
      format("skipped: this processor lacks ", wanted, "; oneDNN has ", onednn::instruction_set()));
  return true;
}

// The expected largest entry of a large result whose entries are sums of n numbers: three standard
// deviations, for inputs drawn from [-1, 1). A small result may have only small entries by chance,
// but its intermediate sums were not smaller.
double expected_size(const OpCase& row, const std::string& result, std::int64_t n) {
  const auto terms = static_cast<double>(n);
  if (row.op.ends_with("pool2d")) return std::sqrt(3 / terms);  // the mean of a window
  const bool is_sum = row.op != "batch_norm" || result == "gradient1" || result == "gradient2";
  return is_sum ? std::sqrt(terms) : 1;  // sums of products of two numbers
}

// Description of the row's fault in this precision; empty if there is none.
std::string fault_of(const OpCase& row, DType dtype) try {
  const Tensors inputs = make_inputs(row.name, row.inputs, dtype);
  const Results reference = run(row, widened(inputs), DType::f64);
  Results first;
  for (int time = 0; time < 3; ++time) {
    const Results results = run(row, inputs, dtype);
    if (time == 0) first = results;
    for (std::size_t i = 0; i < results.size(); ++i) {
      const auto& [name, tensor] = results[i];
      const double floor = expected_size(row, name, terms(row, reference, i));
      const double difference = relative_difference(tensor, reference[i].second, floor);
      const double limit = tolerance(row, reference, i, dtype);
      if (!(difference <= limit))
        return format(name, " is off by ", difference, ", more than ", limit);
      if (!same_bits(tensor, first[i].second)) return name + " has other bits each time";
    }
  }
  return "";
} catch (const std::exception& error) {
  return error.what();
}

using Draw = OpCase (*)(RandomStream&, std::string);

OpCase drawn_row(Draw draw, std::uint64_t seed, std::uint64_t i) {
  RandomStream random(seed, i);
  OpCase row = draw(random, format("sweep/", seed, "/", i));
  set_num_threads(1 + static_cast<int>(random.below(2)));
  return row;
}

void sweep(std::uint64_t shapes) {
  if (is_skipped()) return;
  const std::uint64_t seed = number_from_environment("OSTEON_SWEEP_SEED", std::random_device()());
  shapes = number_from_environment("OSTEON_SWEEP_SHAPES", shapes);
  onednn::watch_scratchpad(true);
  convolution::prefer(convolution::Kernel::onednn);
  const int threads = num_threads();
  for (std::uint64_t i = 0; i < shapes; ++i) {
    const OpCase row = drawn_row(random_row, seed, i);
    for (const DType dtype : {DType::f32, DType::bf16}) {
      const std::string fault = fault_of(row, dtype);
      CHECK_MESSAGE(fault.empty(),
                    format("OSTEON_SWEEP_SEED=", seed, " shape ", i, " ", dtype, " ", num_threads(),
                           " threads: ", describe_row(row), ": ", fault));
    }
  }
  set_num_threads(threads);
  convolution::prefer(std::nullopt);
  onednn::watch_scratchpad(false);
}

}  // namespace

TEST_CASE("random shapes are computed as float64 computes them") { sweep(300); }

TEST_SUITE("long") {
  TEST_CASE("many random shapes are computed as float64 computes them") { sweep(5000); }
}

// The same checks detect the faults of the table, except crashes. On one thread, so that writes
// past the end of the scratchpad do not corrupt another thread's data.
TEST_CASE("without the table of faults, faults are detected") {
  if (is_skipped()) return;
  struct Row {
    const char* name;
    int last_version;  // the last version of oneDNN with this fault, seen in all versions since 2
    const char* instruction_set;
    DType dtype;
    Draw draw;
  };
  const Row kRows[] = {
      {"weight gradients of strided 1x1", 3, "AVX2", DType::f32, random_strided_1x1},
      {"residuals", 2, "AVX2", DType::f32, random_residual},
      {"residuals", 2, "SSE41", DType::f32, random_residual},
      {"bf16 weight gradients of narrow images", 3, "AVX512_CORE", DType::bf16, random_narrow},
      {"bf16 input gradients of odd 1x1", 3, "AVX512_CORE_BF16", DType::bf16, random_odd_1x1},
  };
  const int threads = num_threads();
  onednn::watch_scratchpad(true);
  convolution::prefer(convolution::Kernel::onednn);
  for (const Row& row : kRows) {
    CAPTURE(std::string(row.name));
    if (onednn::major_version() > row.last_version ||
        row.instruction_set != onednn::instruction_set()) {
      MESSAGE(format("left out: ", row.name, ", of oneDNN ", row.last_version, " on ",
                     row.instruction_set, "; this is ", onednn::version(), " on ",
                     onednn::instruction_set()));
      continue;
    }
    const auto faults = [&] {
      int count = 0;
      for (std::uint64_t i = 0; i < 100; ++i) {
        const OpCase drawn = drawn_row(row.draw, 1, i);
        set_num_threads(1);
        count += !fault_of(drawn, row.dtype).empty();
      }
      return count;
    };
    CHECK(faults() == 0);
    onednn::ignore_known_faults(true);
    CHECK(faults() > 0);
    onednn::ignore_known_faults(false);
  }
  set_num_threads(threads);
  convolution::prefer(std::nullopt);
  onednn::watch_scratchpad(false);
}
