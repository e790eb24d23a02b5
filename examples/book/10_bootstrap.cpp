// What sets of 40 patients can tell: intervals by draws of images and of patients, and thresholds
// on other patients than those for whom they were chosen.
#include <cmath>
#include <cstdio>
#include <numeric>

#include "base/random.h"
#include "eval/bootstrap.h"
#include "eval/calibration.h"

using namespace osteon;

namespace {

double sigmoid(double z) { return 1 / (1 + std::exp(-z)); }

// Images of patients, all of one label, with a part of the score that they share.
struct Set {
  std::vector<Outcome> images;
  std::vector<std::size_t> patient_of, image_numbers;
};

constexpr std::size_t kPatients = 40, kViews = 4;
constexpr double kShared = 0.8, kOwn = 0.6, kDistance = 1;  // standard deviations, of means

Set draw_set(std::uint64_t number) {
  RandomStream random(10, number);
  Set set;
  for (std::size_t patient = 0; patient < kPatients; ++patient) {
    const int label = static_cast<int>(patient % 2);
    const double shared = kDistance * label + kShared * random.normal();
    for (std::size_t view = 0; view < kViews; ++view) {
      set.images.push_back({label, sigmoid(shared + kOwn * random.normal())});
      set.patient_of.push_back(patient);
    }
  }
  set.image_numbers.resize(set.images.size());
  std::iota(set.image_numbers.begin(), set.image_numbers.end(), std::size_t{0});
  return set;
}

void bootstrap() {
  // Scores of a positive and a negative patient's image differ by a normal variable of mean 1 and
  // variance 2 (0.64 + 0.36), so it is above 0 with probability Phi(1 / sqrt(2)).
  const double truth = 0.5 * std::erfc(-0.5);
  constexpr std::uint64_t kSets = 400;
  double covered[2] = {0, 0}, width[2] = {0, 0};
  for (std::uint64_t number = 0; number < kSets; ++number) {
    const Set set = draw_set(number);
    for (const bool grouped : {false, true}) {
      const std::vector<std::size_t>& units = grouped ? set.patient_of : set.image_numbers;
      const RankedOutcomes ranked(set.images, units, 0.5);
      const Interval interval = *bootstrap_intervals(
          1, units.back() + 1, "", {.draws = 400, .seed = number},
          [&](auto counts) { return FigureValues{ranked.metrics(counts).auroc}; })[0];
      covered[grouped] += interval.low <= truth && truth <= interval.high;
      width[grouped] += interval.high - interval.low;
    }
  }
  std::printf("true AUROC %.3f\n", truth);
  for (const bool grouped : {false, true})
    std::printf("draws of %-8s  width %.2f  covers the truth in %.0f %% of %d sets\n",
                grouped ? "patients" : "images", width[grouped] / kSets,
                100 * covered[grouped] / kSets, static_cast<int>(kSets));
}

void threshold() {
  double chosen = 0, fresh = 0, fixed = 0;
  constexpr std::uint64_t kSets = 1000;
  const auto youden = [](const Set& set, double at) {
    const Metrics m = compute_metrics(set.images, at);
    return *m.recall + *m.specificity - 1;
  };
  for (std::uint64_t number = 0; number < kSets; ++number) {
    const Set validation = draw_set(number), test = draw_set(kSets + number);
    const double at = choose_threshold(validation.images, ThresholdRule::youden);
    chosen += youden(validation, at) / kSets;
    fresh += youden(test, at) / kSets;
    fixed += youden(test, sigmoid(kDistance / 2)) / kSets;
  }
  std::printf("Youden's index: %.2f where it was chosen, %.2f on other patients; ", chosen, fresh);
  std::printf("best possible %.2f\n", fixed);
}

}  // namespace

int main() {
  bootstrap();
  threshold();
}
