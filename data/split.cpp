// The seeded hash of patients that draws every split which the data set does not define.
#include "data/split.h"

#include "base/random.h"
#include "base/text.h"

namespace osteon {

const char* split_name(Split split) {
  switch (split) {
    case Split::train:
      return "train";
    case Split::val:
      return "val";
    case Split::test:
      return "test";
  }
  return "";
}

std::optional<Split> split_from_name(std::string_view name) {
  const std::string lower = lower_case(name);
  for (const Split split : {Split::train, Split::val, Split::test})
    if (lower == split_name(split)) return split;
  if (lower == "training") return Split::train;
  if (lower == "valid" || lower == "validation") return Split::val;
  if (lower == "testing") return Split::test;
  return std::nullopt;
}

double split_draw(std::uint64_t seed, std::string_view patient) {
  return RandomStream(seed, hash_name("split"), hash_name(patient)).uniform();
}

Split hashed_split(std::uint64_t seed, std::string_view patient, double val_share) {
  const double draw = split_draw(seed, patient);
  if (draw < 1 - val_share - kTestShare) return Split::train;
  return draw < 1 - kTestShare ? Split::val : Split::test;
}

}  // namespace osteon
