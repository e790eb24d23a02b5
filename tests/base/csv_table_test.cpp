// Comma-separated values: what is read, what is refused, and the separators of a table.
#include "base/csv_table.h"

#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "base/error.h"
#include "tests/support/temporary_folder.h"

using namespace osteon;

TEST_CASE("csv text") {
  struct Row {
    const char* text;
    std::vector<std::vector<std::string>> fields;
    std::vector<std::int64_t> lines;
  };
  const Row table[] = {
      {"a,b\n1,2\n", {{"a", "b"}, {"1", "2"}}, {1, 2}},
      {"a,b\r\n1,2", {{"a", "b"}, {"1", "2"}}, {1, 2}},
      {"\xEF\xBB\xBF"
       "a\n\n\nb",
       {{"a"}, {"b"}},
       {1, 4}},
      {"\"x,\"\"y\"\"\",\"two\nlines\"\nnext,", {{"x,\"y\"", "two\nlines"}, {"next", ""}}, {1, 3}},
      {",\n", {{"", ""}}, {1}},
      {"", {}, {}},
      {"\"\"", {{""}}, {1}},
      {"a b ,c\rd\n", {{"a b ", "c\rd"}}, {1}},
      {"a;b\nc\td\n", {{"a;b"}, {"c\td"}}, {1, 2}},
  };
  const TemporaryFolder folder;
  for (const Row& row : table) {
    CAPTURE(std::string(row.text));
    const std::vector<CsvRow> rows = read_csv(folder.write("t.csv", row.text));
    REQUIRE(rows.size() == row.fields.size());
    std::string again;
    for (std::size_t i = 0; i < rows.size(); ++i) {
      CHECK(rows[i].fields == row.fields[i]);
      CHECK(rows[i].line == row.lines[i]);
      again += csv_line(rows[i].fields);
    }
    const std::vector<CsvRow> back = read_csv(folder.write("again.csv", again));
    REQUIRE(back.size() == rows.size());
    for (std::size_t i = 0; i < rows.size(); ++i) CHECK(back[i].fields == rows[i].fields);
  }
}

TEST_CASE("faulty csv text") {
  struct Row {
    std::string text;
    const char* message;
  };
  const Row table[] = {
      {"a\n\"open\nstill", "t.csv:2: a quoted field is never closed"},
      {"a\nb\"c\n", "t.csv:2: a quote inside a field"},
      {"\"a\"b\n", "t.csv:1: text after the closing quote"},
      {std::string("a\n\0b", 4), "t.csv:2: a zero byte"},
      {"a,b\n1,2\n\n1\n", "t.csv:4: 1 fields where the header has 2 (a, b)"},
      {"a,a\n", "t.csv:1: column \"a\" occurs twice"},
      {"\n", "t.csv: is empty"},
  };
  const TemporaryFolder folder;
  for (const Row& row : table) {
    CAPTURE(std::string(row.text));
    CHECK_THROWS_WITH_AS(CsvTable(folder.write("t.csv", row.text)), doctest::Contains(row.message),
                         Error);
  }
  CHECK_THROWS_WITH_AS(read_csv(folder.path()), doctest::Contains("cannot be opened"), Error);
  CHECK_THROWS_WITH_AS(read_csv("/dev/zero"), doctest::Contains("more than the 100000000 bytes"),
                       Error);
}

TEST_CASE("the header decides which separator a table has") {
  const TemporaryFolder folder;
  struct Row {
    const char* text;
    std::vector<std::string> fields;  // of the second row
  };
  const Row rows[] = {{"a,b\n1;2,3\n", {"1;2", "3"}},       {"a;b\n1,2;3\n", {"1,2", "3"}},
                      {"a\tb\n1,2\t3;4\n", {"1,2", "3;4"}}, {"\r\n\nA;B\r\n1;2\r\n", {"1", "2"}},
                      {"\"a;x\",b\n1,2\n", {"1", "2"}},     {"a\n1;2\n", {"1;2"}}};
  for (const Row& row : rows) {
    CAPTURE(std::string(row.text));
    const CsvTable table(folder.write("t.csv", row.text));
    REQUIRE(table.rows().size() == 1);
    CHECK(table.rows()[0].fields == row.fields);
    if (row.fields.size() == 2) CHECK(table.require("B") == 1);
  }
}
