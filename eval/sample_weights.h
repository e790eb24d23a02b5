// The weight of each training image in the loss. Weights balance the classes.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "data/manifest.h"

namespace osteon {

// One weight per sample of the manifest, from the counts of the training split (N normal, A
// abnormal images):
//
//   paper      per body part: abnormal N / (A + N), normal A / (A + N); 1 if the part has one class
//              only, because its weights would all be 0. Source: Rajpurkar et al., "MURA", MIDL
//              2018, section 3.2
//   balanced   abnormal N / A, normal 1, over all parts
//   none       1
//   NUMBER     abnormal NUMBER, normal 1; NUMBER > 0
//
// With `paper`, `warn` is called with a sentence for each part that has one class only. Throws
// UsageError for any other policy, and Error for `paper` and `balanced` if the training split has
// one class only.
std::vector<double> sample_weights(const Manifest& manifest, const std::string& policy,
                                   const std::function<void(const std::string&)>& warn);

// The same for several classes; n_c images of class c in the training split, of K classes:
//
//   paper      per body part: (1 / n_c) / sum over its classes of 1 / n_k, which for two classes is
//              the rule above; 1 if the part has one class only
//   balanced   n / (K n_c), over all parts, as in scikit-learn
//   none       1
//
// Throws UsageError for a number, Error for `balanced` if a class has no training image. A class
// without one is named by `warn`.
std::vector<double> class_weights(const Manifest& manifest, const std::string& policy,
                                  const std::function<void(const std::string&)>& warn);

// The weights of both answers to one of several labels, P times yes and N times no in the training
// split:
//
//   paper      yes N / (P + N), no P / (P + N)
//   balanced   yes N / P, no 1
//   none       1
//   NUMBER     yes NUMBER, no 1
//
// and 1 for a label with one answer only. Throws UsageError for any other policy.
struct LabelWeights {
  double yes = 1, no = 1;
};
LabelWeights label_weights(double positives, double negatives, const std::string& policy);

// Multiplies the weights of joined data sets (Manifest::sets) by the numbers in NAME=NUMBER. Throws
// UsageError for a name that is no set's, and unless the number is above 0.
void weigh_sets(std::vector<double>& weights, const Manifest& manifest,
                const std::vector<std::string>& values);

// Throws UsageError unless `policy` is one of these.
void check_weight_policy(const std::string& policy);

}  // namespace osteon
