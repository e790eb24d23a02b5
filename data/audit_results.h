// The results of a data audit: a table on the terminal and a JSON file, which the report reads.
#pragma once

#include <filesystem>
#include <iosfwd>
#include <nlohmann/json.hpp>

#include "data/audit.h"

namespace osteon {

// {"data", "dataset", "classes", "splits": as config.json has them, "unreadable": [path],
// "unreadable_reasons": [text], "warned": [path], "warnings": [text], "parts": {PART: {SPLIT:
// {CLASS: images}}}, "width" | "height" | "grey_level" | "contrast": {"lowest", "median",
// "highest"}, "exact_duplicates" | "near_duplicates": [{"paths": [path], "correlation",
// "across_splits", "labels_differ"}], "patients_in_two_splits": [patient]}
nlohmann::ordered_json audit_json(const Manifest& manifest, const DataAudit& audit);

// The same as text.
void print_audit(std::ostream& out, const nlohmann::ordered_json& audit);

}  // namespace osteon
