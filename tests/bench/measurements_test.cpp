// The file of measurements that bench_convolutions --write changes.
#include "bench/measurements.h"

#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "tests/support/message_of.h"

using namespace osteon;
using convolution::Measured;
using enum InstructionSet;
using enum convolution::Direction;

namespace {

const std::string kHeader =
    "// Written by bench_convolutions --write; measured.h explains its use.\n"
    "// set, direction, kernel, stride, side, channels, filters, groups, {direct, winograd_2x2, "
    "winograd_4x4, onednn} in GFLOP/s\n";
const std::string kBaseline = "{baseline, forward, 7, 2, 112, 3, 64, 1, {10.0, 0.0, 0.0, 20.5}},\n",
                  kAvx2 =
                      "{avx2, backward_weight, 3, 1, 7, 512, 512, 512, {1.3, 0.0, 0.0, 0.0}},\n",
                  kOldAvx2 = "{avx2, forward, 1, 1, 56, 64, 64, 1, {7.0, 0.0, 0.0, 8.0}},\n",
                  kAvx512 =
                      "{avx512, backward_input, 1, 1, 56, 64, 256, 1, {300.0, 0.0, 0.0, 250.1}},\n";

}  // namespace

TEST_CASE("rows of the measured set are replaced, and those of others kept") {
  const std::vector<Measured> avx2_rows = {
      {avx2, backward_weight, 3, 1, 7, 512, 512, 512, {1.25001, 0, 0, 0}}};
  const std::vector<Measured> two_rows = {
      {avx512, backward_input, 1, 1, 56, 64, 256, 1, {300, 0, 0, 250.1}},
      {avx512, backward_input, 1, 1, 56, 64, 256, 1, {300, 0, 0, 250.1}}};
  struct Row {
    const char* name;
    std::string before;
    std::vector<Measured> rows;
    std::string after;
  };
  for (const Row& row : {
           Row{"no file yet", "", avx2_rows, kHeader + kAvx2},
           Row{"a set between others", "// old\n" + kBaseline + kAvx512, avx2_rows,
               kHeader + kBaseline + kAvx2 + kAvx512},
           Row{"measured again", kHeader + kBaseline + kOldAvx2 + kOldAvx2 + kAvx512, avx2_rows,
               kHeader + kBaseline + kAvx2 + kAvx512},
           Row{"several rows", kHeader + kAvx2 + kAvx512, two_rows,
               kHeader + kAvx2 + kAvx512 + kAvx512},
           Row{"nothing measured", kHeader + kAvx2, {}, kHeader + kAvx2},
       }) {
    CAPTURE(std::string(row.name));
    CHECK(with_rows(row.before, row.rows) == row.after);
  }
  for (const std::string bad : {"{sse9, forward, 1, 1, 1, 1, 1, 1, {1}},", "avx2", "#include"})
    CHECK(contains(message_of([&] { with_rows(kHeader + bad + "\n", {}); }), bad));
}
