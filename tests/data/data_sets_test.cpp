// Several data sets as one: names, what is joined, and what is refused.
#include "data/data_sets.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "eval/sample_weights.h"
#include "tests/support/message_of.h"
#include "tests/support/temporary_folder.h"

using namespace osteon;
namespace fs = std::filesystem;

namespace {

// Two sets with the same names of images and patients.
void write_sets(const TemporaryFolder& folder) {
  std::string one = "path,label,patient,part\n", two = one;
  for (int i = 0; i < 40; ++i) {
    one += format(i, ".png,", i % 2 == 0 ? "normal" : "abnormal", ",p", i / 2, ",HAND\n");
    two += format(i, ".png,", i % 3 == 0 ? "abnormal" : "normal", ",p", i / 2, ",\n");
  }
  folder.write("one/set.csv", one);
  folder.write("two/set.csv", two);
  folder.write("other/set.csv", "path,label\na.png,benign\nb.png,malignant\n");
}

std::vector<std::string> values_in(const TemporaryFolder& folder,
                                   const std::vector<std::string>& names) {
  std::vector<std::string> values;
  for (const std::string& name : names)
    values.push_back(name + "=" + (folder.path() / name / "set.csv").string());
  return values;
}

}  // namespace

TEST_CASE("the values of --data: one folder, or names") {
  const TemporaryFolder folder;
  folder.write("a=b/x.png", "x");
  const std::string odd = (folder.path() / "a=b").string();
  struct Row {
    std::vector<std::string> values;
    const char* name;  // of the first
    const char* error;
  };
  const Row table[] = {{{"dir"}, "", ""},
                       {{"a=dir"}, "a", ""},
                       {{"a=dir", "b=dir"}, "a", ""},
                       {{odd}, "", ""},
                       {{"./a=dir"}, "", ""},
                       {{"a=dir", "dir"}, "", "give several data sets as NAME=DIR"},
                       {{"a=x", "a=y"}, "", "the name a is given twice"}};
  for (const Row& row : table) {
    CAPTURE(row.values.back());
    if (*row.error) {
      CHECK(contains(message_of([&] { DataSets{row.values}; }), row.error));
      continue;
    }
    const DataSets sets(row.values);
    CHECK(sets.begin()->name == row.name);
    CHECK(sets.values() == row.values);
    const nlohmann::ordered_json json = sets;
    CHECK(json.is_string() == !sets.are_named());
    CHECK(json.get<DataSets>().values() == row.values);
  }
}

TEST_CASE("joined sets keep their splits and have patients of their own") {
  const TemporaryFolder folder;
  write_sets(folder);
  const DataSets sets(values_in(folder, {"one", "two"}));
  const Manifest joined = read_manifests(sets, {});
  CHECK(joined.samples.size() == 80);
  CHECK(joined.classes == std::vector<std::string>{"normal", "abnormal"});
  CHECK(joined.sets == std::vector<std::string>{"one", "two"});
  CHECK(set_names(joined) == joined.sets);
  CHECK(name_of(joined) == "one, two");
  std::size_t set = 0;
  for (const DataSet& each : sets) {
    const Manifest alone = read_manifest(each.path, {});
    CHECK(set_names(alone) == std::vector<std::string>{"set.csv"});
    for (const Sample& sample : alone.samples) {
      const auto found =
          std::ranges::find(joined.samples, each.name + "/" + sample.name, &Sample::name);
      REQUIRE(found != joined.samples.end());
      CHECK(found->path == (each.path.parent_path() / sample.path).string());
      CHECK(found->split == sample.split);
      CHECK(found->label == sample.label);
      CHECK(found->patient == each.name + "/" + sample.patient);
      CHECK(set_of(joined, *found) == set);
    }
    ++set;
  }
}

TEST_CASE("weights of joined sets") {
  const TemporaryFolder folder;
  write_sets(folder);
  const Manifest joined = read_manifests(DataSets(values_in(folder, {"one", "two"})), {});
  std::vector<double> weights(joined.samples.size(), 0.5);
  weigh_sets(weights, joined, {"two=3"});
  for (std::size_t i = 0; i < weights.size(); ++i)
    CHECK(weights[i] == (set_of(joined, joined.samples[i]) == 1 ? 1.5 : 0.5));
  for (const char* wrong : {"three=2", "two", "two=0", "two=x"})
    CHECK_FALSE(message_of([&] { weigh_sets(weights, joined, {wrong}); }).empty());
  CHECK(contains(message_of([&] { weigh_sets(weights, joined, {"three=2"}); }),
                 "expected NAME=WEIGHT with the name of a data set: one, two"));
  const Manifest single = read_manifest(folder.path() / "one/set.csv", {});
  CHECK(contains(message_of([&] { weigh_sets(weights, single, {"one=2"}); }),
                 "the name of a joined data set"));
}

TEST_CASE("sets of other classes are not joined") {
  const TemporaryFolder folder;
  write_sets(folder);
  const DataSets sets(values_in(folder, {"one", "other"}));
  CHECK(
      contains(message_of([&] { read_manifests(sets, {.task = "multiclass"}); }),
               "one has the task multiclass (abnormal, normal), but other has multiclass (benign, "
               "malignant)"));
  CHECK(contains(message_of([&] { read_manifests(sets, {.positive = "malignant"}); }),
                 "--positive: class \"malignant\": the classes are abnormal, normal"));
  const Manifest joined = read_manifests(sets, {.positive = "malignant,Abnormal"});
  CHECK(joined.classes == std::vector<std::string>{"normal", "abnormal"});
  const auto malignant = std::ranges::find(joined.samples, "other/b.png", &Sample::name);
  REQUIRE(malignant != joined.samples.end());
  CHECK(malignant->label == 1);
}
