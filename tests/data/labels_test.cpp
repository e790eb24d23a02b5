// Labels: the task, its classes, grades, columns and numbers, and what is refused.
#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "base/error.h"
#include "data/manifest.h"
#include "tests/support/data_set_files.h"
#include "tests/support/message_of.h"
#include "tests/support/temporary_folder.h"

using namespace osteon;
namespace fs = std::filesystem;

TEST_CASE("the classes of a model, of which the data have some") {
  const TemporaryFolder folder;
  const fs::path file = folder.write("set.csv", "path,label\na.png,x\nb.png,z\n");
  const std::vector<std::string> classes{"z", "y", "x"};
  const Manifest manifest = read_manifest(file, {.task = "multiclass", .classes = classes});
  CHECK(manifest.classes == classes);
  CHECK(manifest.samples[0].label == 2);
  CHECK(manifest.samples[1].label == 0);
  CHECK(contains(error_of(file, {.task = "multiclass", .classes = {"y", "x"}}),
                 "set.csv:3: b.png: label \"z\" is none of the model's classes y, x; those of the "
                 "data are x, z"));
}

TEST_CASE("the task by the number of classes, or as asked for") {
  struct Row {
    std::vector<std::string> labels;
    const char *option, *task;
    std::vector<std::string> classes;
  };
  const Row table[] = {{{"1", "0"}, "auto", "binary", {"0", "1"}},
                       {{"1", "0"}, "binary", "binary", {"0", "1"}},
                       {{"normal", "abnormal"}, "auto", "binary", {"normal", "abnormal"}},
                       {{"normal", "abnormal"}, "multiclass", "multiclass", {"abnormal", "normal"}},
                       {{"c", "a", "b"}, "auto", "multiclass", {"a", "b", "c"}},
                       {{"c", "a", "b", "a"}, "multiclass", "multiclass", {"a", "b", "c"}}};
  for (const Row& row : table) {
    CAPTURE(std::string(row.option));
    std::string text = "path,label\n";
    for (std::size_t i = 0; i < row.labels.size(); ++i)
      text += format(i, ".png,", row.labels[i], "\n");
    const TemporaryFolder folder;
    const Manifest manifest = read_manifest(folder.write("set.csv", text), {.task = row.option});
    CHECK(manifest.task == row.task);
    CHECK(manifest.classes == row.classes);
    for (std::size_t i = 0; i < row.labels.size(); ++i)
      CHECK(manifest.classes[static_cast<std::size_t>(manifest.samples[i].label)] == row.labels[i]);
  }
}

TEST_CASE("the positive class") {
  struct Row {
    const char *negative, *positive, *option, *error;
  };
  const Row table[] = {
      {"normal", "abnormal", "", ""},
      {"zzz", "Positive", "", ""},
      {"Non_fractured", "FRACTURED", "", ""},
      {"0", "1", "", ""},
      {"cat", "dog", "dog", ""},
      {"dog", "cat", "CAT", ""},
      {"abnormal", "normal", "normal", ""},
      {"cat", "dog", "",
       "usage: the positive class cannot be guessed from cat, dog; name it with "
       "--positive"},
      {"positive", "abnormal", "", "usage: the positive class cannot be guessed"},
      {"cat", "dog", "cow", "usage: --positive: class \"cow\": the classes are cat, dog"},
  };
  for (const Row& row : table) {
    CAPTURE(std::string(row.negative));
    CAPTURE(std::string(row.positive));
    const TemporaryFolder folder;
    const fs::path file = folder.write(
        "set.csv", format("path,label\na.png,", row.negative, "\nb.png,", row.positive, "\n"));
    ManifestOptions options;
    options.positive = row.option;
    if (*row.error != 0) {
      CHECK(error_of(file, options).starts_with(row.error));
      continue;
    }
    const Manifest manifest = read_manifest(file, options);
    CHECK(manifest.classes == std::vector<std::string>{row.negative, row.positive});
    CHECK(manifest.samples[0].label == 0);
    CHECK(manifest.samples[1].label == 1);
  }
}

TEST_CASE("grades are whole numbers in their order, also those without an image") {
  struct Row {
    const char* name;
    std::vector<std::string> labels;
    ManifestOptions options;
    std::vector<std::string> classes;
    std::vector<std::int64_t> indices;
  };
  const Row table[] = {
      {"of the data", {"10", "9", "11"}, {}, {"9", "10", "11"}, {1, 0, 2}},
      {"a gap", {"0", "3"}, {}, {"0", "1", "2", "3"}, {0, 3}},
      {"the highest is open",
       {"0", "1", "5", "2"},
       {.max_grade = 2},
       {"0", "1", "2+"},
       {0, 1, 2, 2}},
      {"reached", {"0", "1", "2"}, {.max_grade = 2}, {"0", "1", "2+"}, {0, 1, 2}},
      {"as a table of numbers writes them", {"0.0", "1.0"}, {}, {"0", "1"}, {0, 1}},
      {"not reached", {"0", "1"}, {.max_grade = 2}, {"0", "1"}, {0, 1}},
      {"of a model", {"1", "4"}, {.classes = {"0", "1", "2+"}}, {"0", "1", "2+"}, {1, 2}}};
  for (const Row& row : table) {
    CAPTURE(std::string(row.name));
    std::string text = "path,label\n";
    for (std::size_t i = 0; i < row.labels.size(); ++i)
      text += format(i, ".png,", row.labels[i], "\n");
    const TemporaryFolder folder;
    ManifestOptions options = row.options;
    options.task = "ordinal";
    const Manifest manifest = read_manifest(folder.write("set.csv", text), options);
    CHECK(manifest.classes == row.classes);
    for (std::size_t i = 0; i < row.indices.size(); ++i)
      CHECK(manifest.samples[i].label == row.indices[i]);
  }
}

TEST_CASE("several labels per image, and numbers, are written and read back") {
  const TemporaryFolder folder;
  const fs::path file = folder.write("set.csv",
                                     "path,hip,hand,age,patient\na.png,1,0,10.5,p\n"
                                     "b.png,1,1,-3,q\nc.png,,0.0,0.1,r\n");
  const Manifest several = read_manifest(file, {.columns = {.many = {"hand", "hip"}}});
  CHECK(several.task == "multilabel");
  CHECK(several.classes == std::vector<std::string>{"hand", "hip"});
  CHECK(several.samples[0].labels == std::vector<std::int8_t>{0, 1});
  CHECK(several.samples[2].labels == std::vector<std::int8_t>{0, kUnknown});
  const char* texts[] = {"hip", "hand, hip", "unknown"};
  for (std::size_t i = 0; i < 3; ++i) CHECK(label_text(several, several.samples[i]) == texts[i]);
  CHECK(counted_classes(several, several.samples[1]) == std::vector<std::size_t>{0, 1});

  const Manifest numbers = read_manifest(file, {.task = "regression", .columns = {.one = "age"}});
  CHECK(numbers.classes == std::vector<std::string>{"age"});
  CHECK(numbers.samples[1].value == -3);
  CHECK(label_text(numbers, numbers.samples[2]) == "0.1");
  CHECK(counted_classes(numbers, numbers.samples[0]).empty());

  write_manifest_csv(folder.path() / "several.csv", several);
  write_manifest_csv(folder.path() / "numbers.csv", numbers);
  const Manifest several_again = read_manifest(
      folder.path() / "several.csv", {.task = "multilabel", .columns = {.many = {"hand", "hip"}}});
  const Manifest numbers_again =
      read_manifest(folder.path() / "numbers.csv", {.task = "regression"});
  for (std::size_t i = 0; i < 3; ++i) {
    CHECK(several_again.samples[i].labels == several.samples[i].labels);
    CHECK(numbers_again.samples[i].value == numbers.samples[i].value);
    CHECK(numbers_again.samples[i].patient == numbers.samples[i].patient);
  }
}

TEST_CASE("FracAtlas: labels from its columns") {
  const TemporaryFolder folder;
  folder.write("dataset.csv",
               "image_id,hand,leg,hip,shoulder,mixed,fractured,fracture_count\n"
               "IMG0000000.jpg,1,0,1,0,0,1,3\nIMG0000001.jpg,0,1,0,0,0,0,0\n");
  folder.write("images/Fractured/IMG0000000.jpg", "x");
  folder.write("images/Non_fractured/IMG0000001.jpg", "x");
  folder.write("images/Non_fractured/IMG0000002.jpg", "x");
  const Manifest several =
      read_manifest(folder.path(), {.columns = {.many = {"hand", "leg", "hip"}}});
  REQUIRE(several.samples.size() == 2);
  CHECK(several.samples[0].labels == std::vector<std::int8_t>{1, 0, 1});
  CHECK(contains(several.warnings.back(),
                 "IMG0000002.jpg: has no row in dataset.csv; it has no "
                 "label and is left out"));
  const Manifest grades = read_manifest(
      folder.path(), {.task = "ordinal", .columns = {.one = "fracture_count"}, .max_grade = 2});
  CHECK(grades.classes == std::vector<std::string>{"0", "1", "2+"});
  CHECK(grades.samples[0].label == 2);
  CHECK(contains(error_of(folder.path(), {.columns = {.many = {"wrist"}}}),
                 "no column \"wrist\"; the header has image_id, hand, leg"));
}

TEST_CASE("labels that are none of the task's") {
  struct Row {
    const char* name;
    const char* csv;
    ManifestOptions options;
    const char* error;
  };
  const Row table[] = {{"no grade",
                        "path,label\na.png,0\nb.png,1.5\n",
                        {.task = "ordinal"},
                        "set.csv:3: b.png: label \"1.5\" is not a grade"},
                       {"one grade",
                        "path,label\na.png,2\nb.png,2\n",
                        {.task = "ordinal"},
                        "all images are of one grade, 2"},
                       {"many grades",
                        "path,label\na.png,0\nb.png,1000\n",
                        {.task = "ordinal"},
                        "choose --task regression"},
                       {"a grade above the model's",
                        "path,label\na.png,0\nb.png,3\n",
                        {.task = "ordinal", .classes = {"0", "1", "2"}},
                        "set.csv:3: b.png: grade 3 is none of the model's grades 0, 1, 2"},
                       {"no number",
                        "path,label\na.png,0\nb.png,12 months\n",
                        {.task = "regression"},
                        "set.csv:3: b.png: label \"12 months\" is not a number"},
                       {"infinite",
                        "path,label\na.png,inf\nb.png,1\n",
                        {.task = "regression"},
                        "set.csv:2: a.png: label \"inf\" is not a number"},
                       {"no 0 or 1",
                        "path,x,y\na.png,0,1\nb.png,1,2\n",
                        {.columns = {.many = {"x", "y"}}},
                        "set.csv:3: b.png: y is \"2\", not 0, 1 or empty"},
                       {"a missing column",
                        "path,x\na.png,0\n",
                        {.columns = {.many = {"x", "y"}}},
                        "set.csv:1: no column \"y\"; the header has path, x"},
                       {"no columns",
                        "path,label\na.png,0\nb.png,1\n",
                        {.task = "multilabel"},
                        "--task multilabel needs --labels"},
                       {"columns of another task",
                        "path,x\na.png,0\nb.png,1\n",
                        {.task = "binary", .columns = {.many = {"x"}}},
                        "the task binary has one label per image"},
                       {"no whole number of that size",
                        "path,label\na.png,-9223372036854775808\nb.png,9223372036854775807\n",
                        {.task = "ordinal"},
                        "is not a grade"},
                       {"one grade after joining",
                        "path,label\na.png,2\nb.png,3\n",
                        {.task = "ordinal", .max_grade = 2},
                        "all images are of one grade, 2 or above --max-grade"},
                       {"one label and several",
                        "path,x\na.png,0\nb.png,1\n",
                        {.columns = {.one = "x", .many = {"x"}}},
                        "leave one of the options out"},
                       {"a column twice",
                        "path,x\na.png,0\nb.png,1\n",
                        {.columns = {.many = {"x", "X"}}},
                        "the column X is named twice"},
                       {"grades of another task",
                        "path,label\na.png,0\nb.png,1\n",
                        {.max_grade = 2},
                        "--max-grade: the task auto has no grades"}};
  for (const Row& row : table) {
    CAPTURE(std::string(row.name));
    const TemporaryFolder folder;
    CHECK(contains(error_of(folder.write("set.csv", row.csv), row.options), row.error));
  }
  const TemporaryFolder folder;
  folder.write("x/a.png", "x");
  CHECK(contains(error_of(folder.path(), {.columns = {.one = "grade"}}),
                 "the data set folder has no list with columns"));
}
