// The weight of each training image in the loss, which balances the classes.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "data/manifest.h"

namespace osteon {

// One weight per sample of the manifest, from the counts of the training split (N normal, A
// abnormal images):
//
//   paper      per body part: abnormal N / (A + N), normal A / (A + N); 1 for a part of one class,
//              which would have no weight at all. Source: Rajpurkar et al., "MURA", MIDL 2018,
//              section 3.2
//   balanced   abnormal N / A, normal 1, over all parts
//   none       1
//   NUMBER     abnormal NUMBER, normal 1; NUMBER > 0
//
// `warn` is called with a sentence for each part of one class under `paper`. Throws UsageError for
// any other policy, and Error for `paper` and `balanced` if the training split has one class only.
std::vector<double> sample_weights(const Manifest& manifest, const std::string& policy,
                                   const std::function<void(const std::string&)>& warn);

// Throws UsageError unless `policy` is one of these.
void check_weight_policy(const std::string& policy);

}  // namespace osteon
