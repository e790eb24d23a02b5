// How much each training image counts in the loss, so that the rarer class is not drowned.
#pragma once

#include <string>
#include <vector>

#include "data/manifest.h"

namespace osteon {

// One weight a sample of the manifest, computed from the counts of the training split (N normal, A
// abnormal images):
//
//   paper      per body part: abnormal N / (A + N), normal A / (A + N). Source: Rajpurkar et al.,
//              "MURA", MIDL 2018, section 3.2
//   balanced   abnormal N / A, normal 1, over all parts
//   none       1
//   NUMBER     abnormal NUMBER, normal 1; NUMBER > 0
//
// Throws UsageError for another policy, Error where `balanced` meets a split of one class.
std::vector<double> sample_weights(const Manifest& manifest, const std::string& policy);

// Throws UsageError unless `policy` is one of these.
void check_weight_policy(const std::string& policy);

}  // namespace osteon
