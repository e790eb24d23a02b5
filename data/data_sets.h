// One data set, or several that are read as one: DIR, or NAME=DIR several times.
#pragma once

#include <filesystem>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "data/manifest.h"

namespace osteon {

struct DataSet {
  std::string name;  // empty: of a single one, its folder's
  std::filesystem::path path;
};

class DataSets {
 public:
  DataSets() = default;
  // NOLINTNEXTLINE(google-explicit-constructor): most callers have one folder.
  DataSets(const std::filesystem::path& path) : sets_{{"", path}} {}
  // NOLINTNEXTLINE(google-explicit-constructor): as above.
  DataSets(const char* path) : DataSets(std::filesystem::path(path)) {}
  // From values of --data. Throws UsageError for several values without names and for a name that
  // is given twice.
  explicit DataSets(const std::vector<std::string>& values);

  bool empty() const { return sets_.empty(); }
  // Whether sets have names, so that figures are also given per set.
  bool are_named() const { return !empty() && !sets_.front().name.empty(); }
  auto begin() const { return sets_.begin(); }
  auto end() const { return sets_.end(); }
  // As on the command line.
  std::vector<std::string> values() const;

 private:
  std::vector<DataSet> sets_;
};

// Reads the sets and joins them. Of named sets, the studies, patients and names of images begin
// with "NAME/", so that patients of two sets are different ones, and each keeps the split that it
// has if the set is read alone. Throws as read_manifest does, and Error naming both lists if two
// sets have different classes, except with the task binary and options.positive: then the classes
// are those of the first set.
Manifest read_manifests(const DataSets& data, const ManifestOptions& options);

// One text for a single set without a name, as in earlier versions; else a list of NAME=DIR.
void to_json(nlohmann::ordered_json& json, const DataSets& data);
void from_json(const nlohmann::ordered_json& json, DataSets& data);

}  // namespace osteon
