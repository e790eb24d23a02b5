// Which split a patient is in: as the data set says, or by a seeded hash of the patient's name, so
// that it depends on nothing but (seed, patient) and stays when images are added or removed.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace osteon {

enum class Split { train, val, test };

// "train", "val" or "test".
const char* split_name(Split split);
// The split of that name, if there is one.
std::optional<Split> split_from_name(std::string_view name);

// A number in [0, 1) for one patient: RandomStream(seed, "split", patient).uniform().
double split_draw(std::uint64_t seed, std::string_view patient);

// The share of patients a data set without splits of its own gives to val and to test.
constexpr double kValShare = 0.15, kTestShare = 0.15;

// u = split_draw: train for u < 1 - val_share - kTestShare, then val, then test from 1 - kTestShare
// on.
Split hashed_split(std::uint64_t seed, std::string_view patient, double val_share);

}  // namespace osteon
