// The section of the report on the data audit.
#include <algorithm>

#include "base/error.h"
#include "eval/report/chart.h"
#include "eval/report/sections.h"

namespace osteon::report {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::size_t kMaxListed = 8;  // duplicates listed

std::string parts_table(const Json& audit) {
  std::vector<std::string> columns{"Body part"};
  for (const auto& [split, counts] : audit.at("splits").items())
    for (const Json& name : audit.at("classes"))
      columns.push_back(split + ", " + name.get<std::string>());
  Table table("Images by body part, split and class.", columns);
  for (const auto& [part, splits] : audit.at("parts").items()) {
    std::vector<std::string> cells;
    for (const auto& [split, counts] : audit.at("splits").items())
      for (const Json& name : audit.at("classes")) {
        const bool known = splits.contains(split) && splits[split].contains(name);
        cells.push_back(std::to_string(
            known ? splits[split][name.get<std::string>()].get<std::int64_t>() : std::int64_t{0}));
      }
    table.row(part, cells);
  }
  return table.html();
}

std::string spreads_table(const Json& audit) {
  Table table("Properties of the images.", {"", "Lowest", "Median", "Highest"});
  for (const auto& [key, name] :
       {std::pair{"width", "Width, pixels"}, std::pair{"height", "Height, pixels"},
        std::pair{"grey_level", "Mean grey level (0 to 255)"},
        std::pair{"contrast", "Standard deviation of grey levels"}}) {
    std::vector<std::string> cells;
    for (const char* which : {"lowest", "median", "highest"})
      cells.push_back(number(audit.at(key).at(which), 1));
    table.row(name, cells);
  }
  return table.html();
}

std::string duplicates(const Json& list, const std::string& what) {
  const auto count = [&](const char* key) {
    return std::ranges::count_if(list, [&](const Json& each) { return each.at(key).get<bool>(); });
  };
  std::string html =
      format("<h3>", what, "</h3><p>", list.size(), " found, ", count("across_splits"),
             " of them across splits, ", count("labels_differ"), " with different labels.</p>");
  // List those across splits first: they matter most.
  std::vector<const Json*> listed;
  for (const bool across : {true, false})
    for (const Json& each : list)
      if (each.at("across_splits") == across && listed.size() < kMaxListed) listed.push_back(&each);
  if (listed.empty()) return html;
  html += "<ul class=\"paths\">";
  for (const Json* each : listed) {
    html += "<li>";
    for (const Json& path : each->at("paths"))
      html += (&path == &each->at("paths").front() ? "" : " = ") + escape_path(path);
    html += each->at("across_splits").get<bool>() ? " <b>(across splits)</b></li>" : "</li>";
  }
  return html + "</ul>";
}

}  // namespace

std::string audit_section(const Report& report) {
  if (!report.audit.is_object()) return "";
  try {
    const Json& audit = report.audit;
    return "<h2>The data</h2>" + parts_table(audit) + spreads_table(audit) +
           format("<p>", audit.at("unreadable").size(), " images could not be read; ",
                  audit.at("patients_in_two_splits").size(), " patients are in two splits.</p>") +
           duplicates(audit.at("exact_duplicates"), "Files with the same bytes") +
           duplicates(audit.at("near_duplicates"), "Pairs that look the same");
  } catch (const nlohmann::json::exception& error) {
    throw Error(format("this is not an audit written by audit_data: ", error.what()));
  }
}

}  // namespace osteon::report
