// A row of the op table as JSON, and its hash.
#include <cmath>

#include "tests/ops/op_cases.h"
#include "tests/support/hashed.h"

namespace osteon {
namespace {

using nlohmann::json;

const char* name_of(Input::Kind kind) {
  switch (kind) {
    case Input::Kind::absent:
      return "absent";
    case Input::Kind::uniform:
      return "uniform";
    case Input::Kind::away_from_zero:
      return "away_from_zero";
    case Input::Kind::spread:
      return "spread";
    case Input::Kind::integers:
      return "integers";
    case Input::Kind::listed:
      return "listed";
  }
  return "";
}

json to_json(const Input& input) {
  return {{"kind", name_of(input.kind)},
          {"shape", input.shape.extents()},
          {"low", input.low},
          {"high", input.high},
          {"elements", input.elements},
          {"dtype", format(dtype_of_input(input, DType::f64))},
          {"differentiable", input.differentiable},
          {"updated", input.updated}};
}

}  // namespace

json to_json(const OpCase& row) {
  json inputs = json::array();
  for (const Input& input : row.inputs) inputs.push_back(to_json(input));
  json attrs = row.attrs;
  for (json& value : attrs)
    if (value.is_number_float() && std::isinf(value.get<double>()))
      value = value.get<double>() > 0 ? "inf" : "-inf";
  return {{"name", row.name}, {"op", row.op}, {"inputs", inputs}, {"attrs", attrs}};
}

std::string hash_of(const OpCase& row) { return std::to_string(hash_name(to_json(row).dump())); }

}  // namespace osteon
