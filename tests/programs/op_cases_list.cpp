// Prints the rows of the op table as JSON, for scripts/golden/ops.py.
#include <iostream>

#include "tests/ops/op_cases.h"

namespace {

using nlohmann::json;
using osteon::Input;

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
          {"dtype", osteon::format(osteon::dtype_of_input(input, osteon::DType::f64))},
          {"differentiable", input.differentiable},
          {"updated", input.updated}};
}

}  // namespace

int main() {
  json rows = json::array();
  for (const osteon::OpCase& row : osteon::op_cases()) {
    json inputs = json::array();
    for (const Input& input : row.inputs) inputs.push_back(to_json(input));
    rows.push_back({{"name", row.name}, {"op", row.op}, {"inputs", inputs}, {"attrs", row.attrs}});
  }
  std::cout << rows.dump(1) << '\n';
}
