// The split of a patient: as the data set defines it, or by a seeded hash of the patient's name.
// The hash depends on (seed, patient) only, so the split stays when images are added or removed.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace osteon {

enum class Split { train, val, test };

// "train", "val" or "test".
const char* split_name(Split split);
// The split of that name in any case, if there is one; also of its synonyms training, valid,
// validation and testing.
std::optional<Split> split_from_name(std::string_view name);

// A number in [0, 1) for one patient: RandomStream(seed, "split", patient).uniform().
double split_draw(std::uint64_t seed, std::string_view patient);

// The shares of patients for val and test in a data set without splits.
constexpr double kValShare = 0.15, kTestShare = 0.15;

// u = split_draw: train for u < 1 - val_share - kTestShare, then val, then test from 1 - kTestShare
// on.
Split hashed_split(std::uint64_t seed, std::string_view patient, double val_share);

}  // namespace osteon
