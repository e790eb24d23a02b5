// The weight of each training image in the loss, which balances the classes.
#pragma once

#include <string>
#include <vector>

#include "data/manifest.h"

namespace osteon {

// One weight per sample of the manifest, from the counts of the training split (N normal, A
// abnormal images):
//
//   paper      per body part: abnormal N / (A + N), normal A / (A + N). Source: Rajpurkar et al.,
//              "MURA", MIDL 2018, section 3.2
//   balanced   abnormal N / A, normal 1, over all parts
//   none       1
//   NUMBER     abnormal NUMBER, normal 1; NUMBER > 0
//
// Throws UsageError for any other policy, and Error for `balanced` if the training split has one
// class only.
std::vector<double> sample_weights(const Manifest& manifest, const std::string& policy);

// Throws UsageError unless `policy` is one of these.
void check_weight_policy(const std::string& policy);

}  // namespace osteon
