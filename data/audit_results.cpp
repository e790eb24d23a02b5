// Writes the audit as JSON, and the JSON as text.
#include "data/audit_results.h"

#include <algorithm>
#include <iomanip>
#include <ostream>

#include "base/error.h"
#include "base/progress.h"
#include "data/prepare.h"

namespace osteon {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::size_t kMaxListed = 10;  // duplicates and files named on the terminal

Json to_json(const Spread& spread) {
  return {{"lowest", spread.lowest}, {"median", spread.median}, {"highest", spread.highest}};
}

Json to_json(const Manifest& manifest, const std::vector<Duplicates>& all) {
  Json list = Json::array();
  for (const auto& [samples, correlation] : all) {
    Json paths = Json::array();
    bool across = false, differ = false;
    const auto sample = [&](std::int64_t i) -> const Sample& {
      return manifest.samples[static_cast<std::size_t>(i)];
    };
    for (const std::int64_t i : samples) {
      paths.push_back(sample(i).path);
      across = across || sample(i).split != sample(samples.front()).split;
      differ = differ ||
               label_text(manifest, sample(i)) != label_text(manifest, sample(samples.front()));
    }
    list.push_back({{"paths", paths},
                    {"correlation", correlation},
                    {"across_splits", across},
                    {"labels_differ", differ}});
  }
  return list;
}

void print_spread(std::ostream& out, const char* name, const Json& spread) {
  out << "  " << std::left << std::setw(12) << name << std::right;
  for (const char* key : {"lowest", "median", "highest"})
    out << std::setw(9) << rounded(spread[key], 1);
  out << '\n';
}

void print_duplicates(std::ostream& out, const char* what, const Json& list) {
  const auto count = [&](const char* key) {
    return std::ranges::count_if(list, [&](const Json& each) { return each[key].get<bool>(); });
  };
  out << what << ": " << list.size() << ", across splits " << count("across_splits")
      << ", with different labels " << count("labels_differ") << '\n';
  for (std::size_t i = 0; i < std::min(kMaxListed, list.size()); ++i) {
    out << " ";
    for (const Json& path : list[i]["paths"]) out << ' ' << path.get<std::string>();
    if (list[i]["across_splits"]) out << "  (across splits)";
    if (list[i]["labels_differ"]) out << "  (labels differ)";
    out << '\n';
  }
  if (list.size() > kMaxListed) out << "  and " << list.size() - kMaxListed << " more\n";
}

void print_lines(std::ostream& out, const char* what, const Json& lines) {
  out << what << ": " << lines.size() << '\n';
  for (std::size_t i = 0; i < std::min(kMaxListed, lines.size()); ++i)
    out << "  " << lines[i].get<std::string>() << '\n';
  if (lines.size() > kMaxListed) out << "  and " << lines.size() - kMaxListed << " more\n";
}

}  // namespace

Json audit_json(const Manifest& manifest, const DataAudit& audit) {
  Json json{{"data", manifest.source.string()},    {"dataset", manifest.dataset},
            {"classes", manifest.classes},         {"splits", split_counts(manifest)},
            {"readable", audit.readable},          {"unreadable", Json::array()},
            {"unreadable_reasons", Json::array()}, {"warned", Json::array()},
            {"warnings", Json::array()},           {"parts", Json::object()}};
  for (const auto& [path, reason] : audit.unreadable) {
    json["unreadable"].push_back(path);
    json["unreadable_reasons"].push_back(reason);
  }
  for (const auto& [path, warning] : audit.warned) {
    json["warned"].push_back(path);
    json["warnings"].push_back(path + ": " + warning);
  }
  for (const Sample& sample : manifest.samples) {
    Json& splits = json["parts"][sample.part.empty() ? "(none)" : sample.part];
    if (splits.empty())
      for (const auto& [split, counts] : json["splits"].items())
        for (const std::string& name : manifest.classes) splits[split][name] = 0;
    std::vector<std::size_t> counted = counted_classes(manifest, sample);
    if (manifest.task == "regression") counted = {0};  // all images have the number
    for (const std::size_t k : counted) {
      Json& count = splits[split_name(sample.split)][manifest.classes[k]];
      count = count.get<std::int64_t>() + 1;
    }
  }
  json["width"] = to_json(audit.width);
  json["height"] = to_json(audit.height);
  json["grey_level"] = to_json(audit.grey);
  json["contrast"] = to_json(audit.contrast);
  json["exact_duplicates"] = to_json(manifest, audit.exact);
  json["near_duplicates"] = to_json(manifest, audit.near);
  json["patients_in_two_splits"] = audit.patients_in_two_splits;
  return json;
}

void print_audit(std::ostream& out, const Json& audit) {
  out << audit["data"].get<std::string>() << " (" << audit["dataset"].get<std::string>() << ")\n\n";
  std::size_t width = 4;
  for (const auto& [part, splits] : audit["parts"].items()) width = std::max(width, part.size());
  out << std::left << std::setw(static_cast<int>(width)) << "part"
      << "  split";
  for (const Json& name : audit["classes"]) out << "  " << name.get<std::string>();
  out << '\n';
  for (const auto& [part, splits] : audit["parts"].items())
    for (const auto& [split, classes] : splits.items()) {
      out << std::left << std::setw(static_cast<int>(width)) << part << "  " << std::setw(5)
          << split << std::right;
      for (const auto& [name, count] : classes.items())
        out << std::setw(static_cast<int>(name.size()) + 2) << count.get<std::int64_t>();
      out << '\n';
    }
  out << "\nof " << audit["readable"].get<std::int64_t>()
      << " readable images  lowest   median  highest\n";
  print_spread(out, "width", audit["width"]);
  print_spread(out, "height", audit["height"]);
  print_spread(out, "grey level", audit["grey_level"]);
  print_spread(out, "contrast", audit["contrast"]);
  out << '\n';
  print_duplicates(out, "files with the same bytes", audit["exact_duplicates"]);
  print_duplicates(out, "pairs that look the same", audit["near_duplicates"]);
  out << "patients in two splits: " << audit["patients_in_two_splits"].size() << '\n';
  print_lines(out, "unreadable", audit["unreadable_reasons"]);
  print_lines(out, "read with a warning", audit["warnings"]);
}

}  // namespace osteon
