// Sorts lines by their first word, the instruction set.
#include "bench/measurements.h"

#include <cstdio>
#include <map>

#include "base/text.h"

namespace osteon {
namespace {

using convolution::Measured;

constexpr InstructionSet kSets[] = {InstructionSet::baseline, InstructionSet::avx2,
                                    InstructionSet::avx512};

std::string header() {
  std::string kernels;
  for (std::size_t i = 0; i < convolution::kKernels; ++i)
    kernels += format(i == 0 ? "" : ", ",
                      convolution::candidate(static_cast<convolution::Kernel>(i)).name);
  return "// Written by bench_convolutions --write; measured.h explains its use.\n"
         "// set, direction, kernel, stride, side, channels, filters, groups, {" +
         kernels + "} in GFLOP/s\n";
}

std::string line_of(const Measured& row) {
  std::string speeds;
  for (const double speed : row.speeds) {
    char number[32];
    std::snprintf(number, sizeof number, "%.1f", speed);
    speeds += format(speeds.empty() ? "" : ", ", number);
  }
  return format("{", name_of(row.set), ", ", name_of(row.direction), ", ", row.kernel, ", ",
                row.stride, ", ", row.side, ", ", row.channels, ", ", row.filters, ", ", row.groups,
                ", {", speeds, "}},");
}

InstructionSet set_of(const std::string& line) {
  for (const InstructionSet set : kSets)
    if (line.starts_with(format("{", name_of(set), ", "))) return set;
  throw Error(format("\"", line, "\" is no row of measurements of a known instruction set"));
}

}  // namespace

std::string with_rows(const std::string& text, const std::vector<Measured>& rows) {
  std::map<InstructionSet, std::string> of_set;
  for (const std::string& line : split_text(text, '\n'))
    if (!line.empty() && !line.starts_with("//")) of_set[set_of(line)] += line + "\n";
  for (const Measured& row : rows) of_set[row.set].clear();
  for (const Measured& row : rows) of_set[row.set] += line_of(row) + "\n";
  std::string result = header();
  for (const auto& [set, lines] : of_set) result += lines;
  return result;
}

}  // namespace osteon
