// The order in which `predict` reports files, whatever the order in which they are done.
// processes_test has the exchange between processes.
#include "eval/file_outcomes.h"

#include <doctest/doctest.h>

using namespace osteon;

TEST_CASE("outcomes wait for those of earlier files") {
  struct Row {
    std::vector<std::size_t> done, reported;
  };
  FileOutcomes outcomes;
  for (const Row& row : {Row{{1, 2}, {}}, Row{{0}, {0, 1, 2}}, Row{{}, {}}, Row{{5, 4}, {}},
                         Row{{3}, {3, 4, 5}}, Row{{6}, {6}}}) {
    std::vector<FileOutcome> done;
    for (const std::size_t number : row.done) done.push_back({.number = number});
    std::vector<std::size_t> reported;
    for (const FileOutcome& outcome : outcomes.exchange(done)) reported.push_back(outcome.number);
    CHECK(reported == row.reported);
  }
}
