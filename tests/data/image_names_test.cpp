// Names of images, and the splits that depend on them.
#include "data/image_names.h"

#include <doctest/doctest.h>

#include <filesystem>
#include <string>
#include <vector>

#include "data/manifest.h"
#include "tests/support/message_of.h"
#include "tests/support/temporary_folder.h"

using namespace osteon;
namespace fs = std::filesystem;

TEST_CASE("names of images do not depend on how their paths are spelled") {
  struct Row {
    std::vector<fs::path> paths;
    std::vector<std::string> names;
  };
  const Row rows[] = {{{}, {}},
                      {{"a.png"}, {"a.png"}},
                      {{"x/a.png", "x/b.png"}, {"a.png", "b.png"}},
                      {{"./x//a.png", "y/../x/b.png"}, {"a.png", "b.png"}},
                      {{"/mnt/x/a.png", "/mnt/x/y/b.png"}, {"a.png", "y/b.png"}},
                      {{"/x/1/a.png", "/x/10/a.png"}, {"1/a.png", "10/a.png"}},
                      {{"/a.png", "/x/b.png"}, {"a.png", "x/b.png"}}};
  for (const Row& row : rows) CHECK(image_names(row.paths) == row.names);
}

TEST_CASE("csv: the split is the same for any spelling of the paths and any place of the data") {
  const TemporaryFolder folder;
  const auto list = [&](const std::string& name, const std::string& prefix, char slash = '/') {
    std::string text = "path,label\n";
    for (int i = 0; i < 60; ++i)
      text += prefix + (i % 3 ? "x" : "y") + slash + std::to_string(i) + ".png," +
              std::to_string(i % 2) + "\n";
    return folder.write(name, text);
  };
  const auto splits = [](const fs::path& file, ImageNames names) {
    std::string all;
    for (const Sample& sample : read_manifest(file, {.names = names}).samples)
      all += sample.name + " " + sample.patient + " " + split_name(sample.split) + "\n";
    return all;
  };
  const fs::path plain = list("plain.csv", "images/");
  const std::string expected = splits(plain, ImageNames::relative);
  CHECK(expected.find("x/1.png x/1.png") != std::string::npos);
  for (const char* prefix : {"./images/", "images//", "other/../images/", "/mnt/images/"})
    CHECK(splits(list("list.csv", prefix), ImageNames::relative) == expected);
  CHECK(splits(list("list.csv", "images\\", '\\'), ImageNames::relative) == expected);
  // The rule of earlier versions: each path as it is.
  const std::string listed = splits(plain, ImageNames::listed);
  CHECK(listed.find("images/x/1.png images/x/1.png") != std::string::npos);
  CHECK(splits(list("list.csv", "./images/"), ImageNames::listed) != listed);
  const fs::path twice = folder.write("twice.csv", "path,label\na.png,0\n./a.png,1\n");
  CHECK(
      contains(message_of([&] { read_manifest(twice, {}); }), "./a.png is listed twice; first at"));
}
