// Computes the probabilities of studies from those of images, and the figures of both, overall and
// for each body part. eval_mura uses this.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "eval/bootstrap.h"
#include "eval/metrics.h"
#include "eval/study_groups.h"

namespace osteon {

// The model's prediction for one image.
struct Prediction : ImageOrigin {
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

// The studies of `predictions`, sorted by study, patient and part. The probability of a study is
// the mean of those of its images, as in Rajpurkar et al., "MURA", MIDL 2018. Throws Error for a
// label other than 0 and 1, a probability that is not a number from 0 to 1, or an empty study,
// naming the image; and for different labels in one study, naming the study and two of its images.
std::vector<Study> aggregate_studies(const std::vector<Prediction>& predictions);

// The outcomes of all images or all studies of a cohort, with the patient's number of each.
struct CohortLevel {
  std::vector<Outcome> outcomes;
  std::vector<std::size_t> patients;
};

// A set of predictions with figures of its own: all predictions, or those of one body part.
struct Cohort {
  std::size_t patients = 0;
  CohortLevel image, study;  // in the order of the predictions and of aggregate_studies
};

struct Cohorts {
  Cohort overall;
  std::map<std::string, Cohort> parts;  // images without a part are only in `overall`
};

// Throws as aggregate_studies does.
Cohorts make_cohorts(const std::vector<Prediction>& predictions);

struct ImageAndStudyMetrics {
  Metrics image, study;
};

struct Evaluation {
  double threshold = 0;
  ImageAndStudyMetrics overall;
  std::map<std::string, ImageAndStudyMetrics> parts;
};

// The figures of `predictions` at one threshold, with intervals if bootstrap.draws > 0. Throws as
// aggregate_studies and compute_metrics do.
Evaluation evaluate(const std::vector<Prediction>& predictions, double threshold,
                    const BootstrapOptions& bootstrap = {});

}  // namespace osteon
