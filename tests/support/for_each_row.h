// A check of every row of the op table, or of those whose name contains OSTEON_ROWS:
//
//   OSTEON_ROWS=softmax build/bin/tests/op_cases_test
#pragma once

#include <doctest/doctest.h>

#include <cstdlib>
#include <exception>
#include <string>

#include "tests/ops/op_cases.h"

namespace osteon {

// The text that names of rows must contain; empty: all rows.
inline std::string wanted_rows() {
  const char* const text = std::getenv("OSTEON_ROWS");
  return text ? text : "";
}

// Calls check(row) for every row; an exception counts as a failure of that row only.
template <class Check>
void for_each_row(const Check& check) {
  const std::string wanted = wanted_rows();
  bool is_found = false;
  for (const OpCase& row : op_cases()) {
    if (row.name.find(wanted) == std::string::npos) continue;
    is_found = true;
    CAPTURE(row.name);
    try {
      check(row);
    } catch (const std::exception& error) {
      FAIL_CHECK(row.name << " threw: " << std::string(error.what()));
    }
  }
  CHECK_MESSAGE(is_found, "no row has ", wanted, " in its name");
}

}  // namespace osteon
