// A check of every row of the op table.
#pragma once

#include <doctest/doctest.h>

#include <exception>

#include "tests/ops/op_cases.h"

namespace osteon {

// Calls check(row) for every row; an exception counts as a failure of that row only.
template <class Check>
void for_each_row(const Check& check) {
  for (const OpCase& row : op_cases()) {
    CAPTURE(row.name);
    try {
      check(row);
    } catch (const std::exception& error) {
      FAIL_CHECK(row.name << " threw: " << error.what());
    }
  }
}

}  // namespace osteon
