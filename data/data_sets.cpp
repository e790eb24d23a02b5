// Joins data sets.
#include "data/data_sets.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>

#include "base/error.h"
#include "base/text.h"

namespace osteon {
namespace {

namespace fs = std::filesystem;

// NAME=DIR, unless the whole text is a path; a name has no slash.
DataSet parse(const std::string& value) {
  const std::size_t equals = value.find('=');
  std::error_code ignored;
  if (equals == std::string::npos || equals == 0 || value.find('/') < equals ||
      fs::exists(value, ignored))
    return {"", value};
  if (equals + 1 == value.size())
    throw UsageError("--data " + value + ": there is no folder after the name");
  return {as_utf8(value.substr(0, equals)), value.substr(equals + 1)};
}

// The samples with the set's name before those of images, studies and patients.
void add_set(Manifest& all, const std::string& name, Manifest set) {
  const fs::path root = absolute_root(set);
  for (Sample& sample : set.samples) {
    sample.path = (root / sample.path).lexically_normal().string();
    for (std::string* text : {&sample.name, &sample.study, &sample.patient})
      *text = name + "/" + *text;
    all.samples.push_back(std::move(sample));
  }
  for (const std::string& warning : set.warnings) all.warnings.push_back(name + ": " + warning);
  all.has_own_splits = all.has_own_splits || set.has_own_splits;
  all.sets.push_back(name);
}

void check_same_classes(const Manifest& all, const std::string& name, const Manifest& set,
                        bool has_positive) {
  if (has_positive && set.task == "binary" && all.task == "binary") return;
  OSTEON_CHECK(set.task == all.task && set.classes == all.classes, "--data: ", all.sets.front(),
               " has the task ", all.task, " (", join(all.classes), "), but ", name, " has ",
               set.task, " (", join(set.classes), "); joined sets need the same ones: ",
               set.task == "binary" ? "name both positive classes, --positive A,B, or " : "",
               "list one of the sets in a CSV file with the other's names");
}

}  // namespace

DataSets::DataSets(const std::vector<std::string>& values) {
  std::set<std::string> names;
  for (const std::string& value : values) {
    DataSet set = parse(value);
    if (set.name.empty() && values.size() > 1)
      throw UsageError("--data " + value + ": give several data sets as NAME=DIR");
    if (!names.insert(set.name).second)
      throw UsageError("--data " + value + ": the name " + set.name + " is given twice");
    sets_.push_back(std::move(set));
  }
}

std::vector<std::string> DataSets::values() const {
  std::vector<std::string> values;
  for (const auto& [name, path] : sets_)
    values.push_back(name.empty() ? path.string() : name + "=" + path.string());
  return values;
}

Manifest read_manifests(const DataSets& data, const ManifestOptions& options) {
  if (!data.are_named()) return read_manifest(data.begin()->path, options);
  Manifest all;
  for (const auto& [name, path] : data) {
    Manifest set = read_manifest(path, options);
    if (all.sets.empty()) {
      all.dataset = set.dataset;
      all.root = absolute_root(set);
      all.task = set.task;
      all.classes = set.classes;
    }
    check_same_classes(all, name, set, !options.positive.empty());
    if (set.dataset != all.dataset) all.dataset = "joined";
    add_set(all, name, std::move(set));
  }
  all.source = join(data.values());
  std::ranges::sort(all.samples, {}, &Sample::name);
  return all;
}

void to_json(nlohmann::ordered_json& json, const DataSets& data) {
  if (data.are_named())
    json = data.values();
  else
    json = data.empty() ? "" : data.values().front();
}

void from_json(const nlohmann::ordered_json& json, DataSets& data) {
  data = json.is_string() ? DataSets(fs::path(json.get<std::string>()))
                          : DataSets(json.get<std::vector<std::string>>());
}

}  // namespace osteon
