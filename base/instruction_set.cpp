// Choice of the instruction set. This file is compiled for the baseline, as is all code that runs
// before the choice.
#include "base/instruction_set.h"

#include <array>
#include <cstdlib>
#include <string_view>

#include "base/error.h"

namespace osteon {
namespace {

constexpr std::array<const char*, 4> kNames = {"baseline", "avx2", "avx512", "avx512_bf16"};

// Checks for the features that cmake/instruction_sets.cmake compiles for.
// __builtin_cpu_supports also checks that the operating system saves their registers.
InstructionSet best_of_processor() {
#if !defined(OSTEON_BASELINE_ONLY)
  const bool avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
  if (!avx2) return InstructionSet::baseline;
  const bool avx512 = __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
                      __builtin_cpu_supports("avx512cd") && __builtin_cpu_supports("avx512dq") &&
                      __builtin_cpu_supports("avx512vl");
  if (!avx512) return InstructionSet::avx2;
  return __builtin_cpu_supports("avx512bf16") ? InstructionSet::avx512_bf16
                                              : InstructionSet::avx512;
#else
  return InstructionSet::baseline;
#endif
}

const char* name_in_environment() {
  const char* const name = std::getenv("OSTEON_CPU");
  return name == nullptr || *name == '\0' ? nullptr : name;
}

InstructionSet choose() {
  const char* const wanted = name_in_environment();
  if (wanted == nullptr) return best_of_processor();
  std::string available;
  for (const InstructionSet set : available_instruction_sets()) {
    if (name_of(set) == wanted) return set;
    available += (available.empty() ? "" : ", ") + name_of(set);
  }
  bool is_known = false;
  for (const std::string_view name : kNames) is_known = is_known || name == wanted;
  throw UsageError(
      format("OSTEON_CPU=", wanted, ": ",
             is_known ? "this processor has no such instructions" : "no such instruction set",
             "; available: ", available));
}

}  // namespace

InstructionSet instruction_set() {
  static const InstructionSet chosen = choose();
  return chosen;
}

bool instruction_set_is_forced() { return name_in_environment() != nullptr; }

std::string name_of(InstructionSet set) { return kNames[static_cast<std::size_t>(set)]; }

std::vector<InstructionSet> available_instruction_sets() {
  std::vector<InstructionSet> sets;
  for (int set = 0; set <= static_cast<int>(best_of_processor()); ++set)
    sets.push_back(static_cast<InstructionSet>(set));
  return sets;
}

}  // namespace osteon
