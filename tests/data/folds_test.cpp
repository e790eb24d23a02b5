// Cross-validation: each image is tested once, patients and copies stay together, classes have
// their shares.
#include "data/folds.h"

#include <doctest/doctest.h>

#include <map>
#include <set>

#include "tests/support/message_of.h"

using namespace osteon;

namespace {

struct Patients {
  int count;
  int images;
  std::int64_t label;
};

Manifest manifest_of(const std::vector<Patients>& kinds, std::size_t classes) {
  Manifest manifest{"folder", "data", std::vector<std::string>(classes), {}, {}};
  int patient = 0;
  for (const auto& [count, images, label] : kinds)
    for (int p = 0; p < count; ++p, ++patient)
      for (int i = 0; i < images; ++i) {
        const std::string name = format("p", patient, "/", i);
        manifest.samples.push_back({name, label, name, format("p", patient), ""});
      }
  return manifest;
}

// The number of images by split and class.
std::map<std::pair<Split, std::int64_t>, int> counts_of(const Manifest& manifest) {
  std::map<std::pair<Split, std::int64_t>, int> counts;
  for (const Sample& sample : manifest.samples) ++counts[{sample.split, sample.label}];
  return counts;
}

}  // namespace

TEST_CASE("each image is in the test split of one fold, and classes have their shares") {
  struct Row {
    const char* name;
    std::vector<Patients> kinds;
    std::int64_t folds;
    int most_off;  // images of a class by which a fold may miss its share
  };
  const Row rows[] = {{"single images", {{100, 1, 0}, {40, 1, 1}, {10, 1, 2}}, 5, 0},
                      {"shares that are no whole numbers", {{53, 1, 0}, {22, 1, 1}}, 4, 1},
                      {"patients of several images", {{30, 3, 0}, {20, 1, 1}, {15, 2, 1}}, 5, 3},
                      {"one patient per fold", {{3, 1, 0}}, 3, 0}};
  for (const Row& row : rows) {
    CAPTURE(std::string(row.name));
    const Manifest start = manifest_of(row.kinds, 3);
    std::map<std::int64_t, int> whole;
    for (const Sample& sample : start.samples) ++whole[sample.label];
    std::map<std::string, int> tested;
    for (std::int64_t fold = 0; fold < row.folds; ++fold) {
      Manifest manifest = start;
      assign_folds(manifest, {row.folds, fold}, 0.2, 7, {});
      std::map<std::string, std::set<Split>> splits;
      for (const Sample& sample : manifest.samples) {
        splits[sample.patient].insert(sample.split);
        tested[sample.path] += sample.split == Split::test;
      }
      for (const auto& [patient, of_patient] : splits) CHECK(of_patient.size() == 1);
      auto counts = counts_of(manifest);
      for (const auto& [label, count] : whole) {
        CAPTURE(label);
        const double share = static_cast<double>(count) / static_cast<double>(row.folds);
        CHECK(std::abs(counts[{Split::test, label}] - share) <=
              row.most_off + 1e-9 + (row.most_off == 0 ? 0 : 1));
        const double val = 0.2 * (count - counts[{Split::test, label}]);
        CHECK(std::abs(counts[{Split::val, label}] - val) <= row.most_off + 1);
      }
    }
    for (const auto& [path, times] : tested) CHECK(times == 1);
  }
}

TEST_CASE("images of no class have their share of each fold, too") {
  struct Row {
    const char* task;
    std::size_t classes;
  };
  for (const auto& [task, classes] : {Row{"multilabel", 2}, Row{"regression", 1}}) {
    CAPTURE(std::string(task));
    std::map<Split, int> counts, rare;
    for (std::int64_t fold = 0; fold < 3; ++fold) {
      Manifest manifest = manifest_of({{90, 1, 0}}, classes);
      manifest.task = task;
      for (std::size_t i = 0; i < 90; ++i) {  // a rare label, and one that is never 1
        manifest.samples[i].labels = {static_cast<std::int8_t>(i % 10 == 0), 0};
        manifest.samples[i].value = static_cast<double>(i);
      }
      assign_folds(manifest, {3, fold}, 0.2, 7, {});
      counts.clear();
      rare.clear();
      for (const Sample& sample : manifest.samples) {
        ++counts[sample.split];
        rare[sample.split] += sample.labels[0];
      }
      CHECK(counts[Split::test] == 30);
      CHECK(counts[Split::val] == 12);
      if (manifest.task == "multilabel") CHECK(rare[Split::test] == 3);
    }
  }
}

TEST_CASE("patients whose images show the same stay together") {
  const Manifest start = manifest_of({{40, 1, 0}}, 2);
  // Chains: 0-1, 1-2 and 5-9.
  const std::vector<Duplicates> same{{{0, 1}, 1}, {{1, 2}, 0.995}, {{5, 9}, 1}};
  for (std::int64_t fold = 0; fold < 4; ++fold) {
    Manifest manifest = start;
    assign_folds(manifest, {4, fold}, -1, 1, same);
    const auto split = [&](std::size_t i) { return manifest.samples[i].split; };
    CHECK(split(0) == split(1));
    CHECK(split(1) == split(2));
    CHECK(split(5) == split(9));
  }
}

TEST_CASE("folds depend on the seed, and not on the order of the samples") {
  const auto tested = [](Manifest manifest, std::uint64_t seed) {
    assign_folds(manifest, {5, 2}, -1, seed, {});
    std::set<std::string> paths;
    for (const Sample& sample : manifest.samples)
      if (sample.split == Split::test) paths.insert(sample.path);
    return paths;
  };
  const Manifest manifest = manifest_of({{40, 2, 0}, {30, 1, 1}}, 2);
  Manifest reversed = manifest;
  std::ranges::reverse(reversed.samples);
  CHECK(tested(manifest, 3) == tested(reversed, 3));
  CHECK(tested(manifest, 3) != tested(manifest, 4));
}

TEST_CASE("folds that cannot be") {
  struct Row {
    FoldOptions options;
    const char* error;
  };
  const Row rows[] = {{{0, 0}, ""},
                      {{5, 4}, ""},
                      {{1, 0}, "--folds 1: expected 2 to 100, or 0"},
                      {{101, 0}, "--folds 101: expected"},
                      {{-2, 0}, "--folds -2: expected"},
                      {{5, 5}, "--fold 5: with --folds 5 expected 0 to 4"},
                      {{5, -1}, "--fold -1: with --folds 5"},
                      {{0, 2}, "--fold 2 needs --folds"}};
  for (const Row& row : rows) {
    CAPTURE(row.options.folds);
    CAPTURE(row.options.fold);
    const std::string message = message_of([&] { check_folds(row.options); });
    CHECK((*row.error == 0 ? message.empty() : contains(message, row.error)));
  }
  Manifest manifest = manifest_of({{3, 1, 0}}, 2);
  CHECK(contains(message_of([&] {
                   assign_folds(manifest, {4, 0}, -1, 0, {});
                 }),
                 "3 patients cannot be divided into 4 folds"));
  manifest.has_own_splits = true;
  Progress quiet(true);
  CHECK(contains(message_of([&] {
                   draw_folds(manifest, {2, 0}, -1, 0, 1, quiet);
                 }),
                 "defines its own splits"));
}
