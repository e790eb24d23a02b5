// From one probability an image to one a study, and to the figures of both, overall and for each
// body part: what eval_mura computes.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "train/metrics.h"

namespace osteon {

// What the model said of one image. Names are the manifest's; `part` is empty where the data set
// does not say.
struct Prediction {
  std::string path, study, patient, part;
  int label = 0;           // 1 = positive (abnormal), 0 = negative
  double probability = 0;  // of the positive class, 0 to 1
};

// One examination of one body part of one patient: the images whose study, patient and part agree.
struct Study {
  std::string study, patient, part;
  int label = 0;
  double probability = 0;  // mean over the images
  std::int64_t views = 0;  // number of images
};

// The studies of `predictions`, sorted by study, patient and part. A study's probability is the
// mean of its images', as in Rajpurkar et al., "MURA", MIDL 2018. Throws Error naming the image for
// a label other than 0 and 1, a probability outside 0 to 1 or not a number, and an empty study;
// naming the study and two of its images where their labels differ.
std::vector<Study> aggregate_studies(const std::vector<Prediction>& predictions);

struct ImageAndStudyMetrics {
  Metrics image, study;
};

struct Evaluation {
  double threshold = 0;
  ImageAndStudyMetrics overall;
  std::map<std::string, ImageAndStudyMetrics> parts;  // images without a part count overall only
};

// The figures of `predictions` at one threshold. Throws as aggregate_studies and compute_metrics
// do.
Evaluation evaluate(const std::vector<Prediction>& predictions, double threshold);

}  // namespace osteon
