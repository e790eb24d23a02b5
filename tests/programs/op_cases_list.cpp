// Prints the rows of the op table as JSON, for scripts/golden/ops.py.
#include <iostream>

#include "tests/ops/op_cases.h"

int main() {
  nlohmann::json rows = nlohmann::json::array();
  for (const osteon::OpCase& row : osteon::op_cases()) {
    rows.push_back(to_json(row));
    rows.back()["hash"] = hash_of(row);
  }
  std::cout << rows.dump(1) << '\n';
}
