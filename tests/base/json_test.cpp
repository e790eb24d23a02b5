// JSON with limited nesting is parsed like nlohmann does; everything else is an error.
#include "base/json.h"

#include <doctest/doctest.h>

#include <string>

#include "tests/support/message_of.h"
#include "tests/support/temporary_folder.h"

using namespace osteon;

namespace {

std::string nested(int depth, const std::string& open, const std::string& close) {
  std::string text;
  for (int i = 0; i < depth; ++i) text += open;
  text += "1";
  for (int i = 0; i < depth; ++i) text += close;
  return text;
}

}  // namespace

TEST_CASE("values are read") {
  struct Row {
    const char* text;
    nlohmann::ordered_json value;
  };
  const Row rows[] = {
      {"1", 1},
      {" [1, 2] ", {1, 2}},
      {R"({"b": null, "a": [true, {"c": "d"}]})", {{"b", nullptr}, {"a", {true, {{"c", "d"}}}}}}};
  for (const Row& row : rows) CHECK(parse_json(row.text) == row.value);
  for (const std::string& text :
       {nested(kMaxJsonDepth, "[", "]"), nested(kMaxJsonDepth, "{\"a\":", "}")})
    CHECK(parse_json(text).dump() == text);
}

TEST_CASE("text that is not JSON, or nested too deeply, is an error") {
  struct Row {
    std::string text;
    const char* message;
  };
  const Row rows[] = {
      {"", "not JSON"},
      {"{\"a\": 1", "not JSON"},
      {"[1] 2", "not JSON"},
      {"\xff", "not JSON"},
      {nested(kMaxJsonDepth + 1, "[", "]"), "nested more than 32 deep"},
      {nested(kMaxJsonDepth + 1, "{\"a\":", "}"), "nested more than 32 deep"},
      {nested(3'000'000, "[", "]"), "nested more than 32 deep"},
      {std::string(3'000'000, '['), "nested more than 32 deep"},
  };
  for (const Row& row : rows) {
    CAPTURE(row.text.substr(0, 40));
    CHECK(contains(message_of([&] { parse_json(row.text); }), row.message));
  }
}

TEST_CASE("a file is read up to its limit, and named when it cannot be") {
  const TemporaryFolder folder;
  const auto file = folder.write("a.json", "[1, 2]");
  CHECK(read_json(file, 6) == nlohmann::ordered_json{1, 2});
  CHECK(contains(message_of([&] { read_json(file, 5); }),
                 "a.json has 6 bytes, more than the 5 allowed"));
  CHECK(contains(message_of([&] { read_json(folder.path() / "b.json", 5); }), "b.json"));
  CHECK(contains(message_of([&] { read_json(folder.write("c.json", ""), 5); }), "c.json"));
}
