// Groups predictions into studies and body parts.
#include "eval/predictions.h"

#include <tuple>
#include <utility>

#include "base/error.h"

namespace osteon {
namespace {

void check(const Prediction& image) {
  OSTEON_CHECK(image.label == 0 || image.label == 1, image.path, ": label ", image.label,
               " is neither 0 nor 1");
  OSTEON_CHECK(image.probability >= 0 && image.probability <= 1, image.path, ": probability ",
               image.probability,
               " is not from 0 to 1; did training diverge, or is the checkpoint damaged?");
  OSTEON_CHECK(!image.study.empty(), image.path,
               ": has no study; use the image's own path as the study of a single image");
}

template <class Item>
std::string patient_name(const Item& item) {
  return item.patient.empty() ? "study " + item.study : "patient " + item.patient;
}

// Patients are numbered in the order of their names, so that the order of the predictions does not
// matter.
Cohort make_cohort(const std::vector<const Prediction*>& images,
                   const std::vector<const Study*>& studies) {
  std::map<std::string, std::size_t> numbers;
  for (const Prediction* image : images) numbers.emplace(patient_name(*image), 0);
  Cohort cohort;
  for (auto& [name, number] : numbers) number = cohort.patients++;
  const auto add = [&](const auto& items, CohortLevel& level) {
    for (const auto* item : items) {
      level.outcomes.push_back({item->label, item->probability});
      level.patients.push_back(numbers.at(patient_name(*item)));
    }
  };
  add(images, cohort.image);
  add(studies, cohort.study);
  return cohort;
}

// Pointers to all items, and to those of each part.
template <class Item>
struct Grouped {
  std::vector<const Item*> all;
  std::map<std::string, std::vector<const Item*>> parts;

  explicit Grouped(const std::vector<Item>& items) {
    for (const Item& item : items) {
      all.push_back(&item);
      if (!item.part.empty()) parts[item.part].push_back(&item);
    }
  }
};

Metrics level_metrics(const CohortLevel& level, std::size_t patients, const std::string& name,
                      double threshold, const BootstrapOptions& bootstrap) {
  const RankedOutcomes ranked(level.outcomes, level.patients, threshold);
  Metrics metrics = ranked.metrics(std::vector<std::int64_t>(patients, 1));
  metrics.ci95 = bootstrap_intervals(patients, name, bootstrap, [&](auto counts) {
    return figure_values(ranked.metrics(counts));
  });
  metrics.ci95[figure_index(&Metrics::ece)].reset();  // see bootstrap.h
  return metrics;
}

ImageAndStudyMetrics both_metrics(const Cohort& cohort, const std::string& name, double threshold,
                                  const BootstrapOptions& bootstrap) {
  return {level_metrics(cohort.image, cohort.patients, name, threshold, bootstrap),
          level_metrics(cohort.study, cohort.patients, name, threshold, bootstrap)};
}

}  // namespace

std::vector<Study> aggregate_studies(const std::vector<Prediction>& predictions) {
  struct Group {
    Study study;
    const Prediction* first;
  };
  std::map<std::tuple<std::string, std::string, std::string>, Group> groups;
  for (const Prediction& image : predictions) {
    check(image);
    auto& [study, first] =
        groups
            .try_emplace({image.study, image.patient, image.part},
                         Group{{image.study, image.patient, image.part, image.label}, &image})
            .first->second;
    OSTEON_CHECK(image.label == study.label, "study ", study.study, ": ", first->path,
                 " has label ", first->label, " but ", image.path, " has label ", image.label,
                 "; all images of a study share one label");
    study.probability += image.probability;
    ++study.views;
  }
  std::vector<Study> studies;
  studies.reserve(groups.size());
  for (auto& [key, group] : groups) {
    group.study.probability /= static_cast<double>(group.study.views);
    studies.push_back(std::move(group.study));
  }
  return studies;
}

Cohorts make_cohorts(const std::vector<Prediction>& predictions) {
  const std::vector<Study> studies = aggregate_studies(predictions);
  const Grouped<Prediction> images_of(predictions);
  const Grouped<Study> studies_of(studies);
  Cohorts cohorts{make_cohort(images_of.all, studies_of.all), {}};
  for (const auto& [part, images] : images_of.parts)
    cohorts.parts.emplace(part, make_cohort(images, studies_of.parts.at(part)));
  return cohorts;
}

Evaluation evaluate(const std::vector<Prediction>& predictions, double threshold,
                    const BootstrapOptions& bootstrap) {
  const Cohorts cohorts = make_cohorts(predictions);
  Evaluation evaluation{threshold, both_metrics(cohorts.overall, "", threshold, bootstrap), {}};
  for (const auto& [part, cohort] : cohorts.parts)
    evaluation.parts.emplace(part, both_metrics(cohort, part, threshold, bootstrap));
  return evaluation;
}

}  // namespace osteon
