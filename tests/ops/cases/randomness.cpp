// Rows of ops that draw random numbers.
#include "tests/ops/cases/rows.h"

namespace osteon {

Rows dropout_rows() {
  const auto key = [](double seed, double stream, double step, double first) {
    return listed_i64({4}, {seed, stream, step, first});
  };
  return {
      {"dropout", "dropout", {uniform({4, 9}), key(1, 2, 3, 0)}, {{"p", 0.5}}},
      {"dropout_rarely", "dropout", {uniform({4, 9}), key(1, 2, 3, 0)}, {{"p", 0.125}}},
      {"dropout_mostly", "dropout", {uniform({4, 9}), key(1, 2, 3, 0)}, {{"p", 0.9}}},
      {"dropout_never", "dropout", {uniform({4, 9}), key(1, 2, 3, 0)}, {{"p", 0.0}}},
      {"dropout_later_samples", "dropout", {uniform({3, 5}), key(1, 2, 3, 17)}, {{"p", 0.5}}},
      {"dropout_large_key",
       "dropout",
       {uniform({3, 2, 3, 2}), key(9007199254740881, 4503599627370449, 12345678901, 4294967290)},
       {{"p", 0.5}}},
      {"dropout_1d", "dropout", {uniform({11}), key(5, 0, 0, 0)}, {{"p", 0.5}}},
      {"dropout_large", "dropout", {uniform({300, 401}), key(7, 8, 9, 10)}, {{"p", 0.25}}},
      {"drop_path", "drop_path", {uniform({16, 3, 5}), key(1, 2, 3, 4)}, {{"p", 0.5}}},
      {"drop_path_images", "drop_path", {uniform({9, 2, 2, 3}), key(3, 2, 1, 0)}, {{"p", 0.2}}},
      {"drop_path_never", "drop_path", {uniform({4, 3}), key(1, 2, 3, 4)}, {{"p", 0.0}}},
  };
}

}  // namespace osteon
