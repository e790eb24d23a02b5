// The readers of GRAZPEDWRI-DX, BTXRD, the RSNA bone ages and the knees of the Osteoarthritis
// Initiative: their quirks, and the messages about faulty ones.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/text.h"
#include "data/manifest.h"
#include "tests/support/data_set_files.h"
#include "tests/support/message_of.h"
#include "tests/support/temporary_folder.h"

using namespace osteon;
namespace fs = std::filesystem;

namespace {

using Files = DataSetFiles;

// "path label patient part": a sample as one comparable line.
std::vector<std::string> lines(const Manifest& manifest) {
  std::vector<std::string> all;
  for (const Sample& sample : manifest.samples)
    all.push_back(sample.path + " " + label_text(manifest, sample) + " " + sample.patient + " " +
                  sample.part);
  return all;
}

// An empty list of a data set with this header, and a row in which only the named columns are 1.
struct Columns {
  std::vector<std::string> names;

  std::string header() const { return csv(names); }
  std::string row(const std::vector<std::string>& first,
                  const std::vector<std::string>& ones) const {
    std::vector<std::string> fields = first;
    for (std::size_t i = first.size(); i < names.size(); ++i)
      fields.push_back(std::ranges::count(ones, names[i]) > 0 ? "1" : "0");
    return csv(fields);
  }

 private:
  static std::string csv(const std::vector<std::string>& fields) {
    std::string text;
    for (const std::string& field : fields) text += (text.empty() ? "" : ",") + field;
    return text + "\n";
  }
};

const std::string kBom = "\xEF\xBB\xBF";
const std::string kGraz =
    kBom +
    "filestem,patient_id,study_number,timehash,gender,age,laterality,projection,initial_exam,"
    "ao_classification,cast,diagnosis_uncertain,osteopenia,fracture_visible,metal,pixel_spacing,"
    "device_manufacturer\r\n";
const std::string kGrazRows =
    "0001_a_01_WRI-L1_M014,1,1,1,M,14.1,L,1,1,23r-M/2.1,,,,,,0.144,Siemens\r\n"
    "0001_b_01_WRI-L2_M014,1,1,2,M,14.1,L,2,1,23r-M/2.1,,,,1,,0.144,Siemens\r\n"
    "0002_a_01_WRI-R1_F012,2,1,3,F,12,R,1,,,1,,1.0,1.0,,0.144,Siemens\r\n";
const std::string kImageA = "0001_a_01_WRI-L1_M014.png", kImageB = "0001_b_01_WRI-L2_M014.png",
                  kImageC = "0002_a_01_WRI-R1_F012.png";

const Columns kBtxrd{{"image_id",
                      "center",
                      "age",
                      "gender",
                      "hand",
                      "ulna",
                      "radius",
                      "humerus",
                      "foot",
                      "tibia",
                      "fibula",
                      "femur",
                      "hip bone",
                      "ankle-joint",
                      "knee-joint",
                      "hip-joint",
                      "wrist-joint",
                      "elbow-joint",
                      "shoulder-joint",
                      "tumor",
                      "benign",
                      "malignant",
                      "osteochondroma",
                      "multiple osteochondromas",
                      "simple bone cyst",
                      "giant cell tumor",
                      "osteofibroma",
                      "synovial osteochondroma",
                      "other bt",
                      "osteosarcoma",
                      "other mt",
                      "upper limb",
                      "lower limb",
                      "pelvis",
                      "frontal",
                      "lateral",
                      "oblique"}};

std::string btxrd_row(const std::string& image, const std::string& center,
                      const std::vector<std::string>& ones) {
  return kBtxrd.row({image, center, "40", "M"}, ones);
}

const std::string kBtxrdRows =
    btxrd_row("IMG000001.jpeg", "1", {"femur", "tumor", "malignant", "osteosarcoma"}) +
    btxrd_row("IMG000002.jpeg", "1", {"tibia", "fibula", "tumor", "benign", "osteochondroma"}) +
    btxrd_row("IMG000003.jpg", "2", {"lower limb", "frontal"}) +
    btxrd_row("IMG000004.jpeg", "3", {"hip bone", "tumor", "benign", "simple bone cyst"});

const std::string kBoneAge = "id,boneage,male\n1377,180,False\n1378,12,True\n1379,94.5,False\n";
const std::string kHands = "boneage-training-dataset/";

}  // namespace

TEST_CASE("layouts and their quirks") {
  struct Row {
    const char* name;
    Files files;
    ManifestOptions options;
    const char *dataset, *task;
    std::vector<std::string> classes, lines;
    std::vector<std::string> warnings{};  // each is part of one
  };
  const std::string images = "images/";
  const std::string a = images + kImageA, b = images + kImageB, c = images + kImageC;
  const Files graz = {{"dataset.csv", kGraz + kGrazRows}, {a, "x"}, {b, "x"}, {c, "x"}};
  const Files btxrd = {{"dataset.csv", kBtxrd.header() + kBtxrdRows},
                       {"images/x.json", "{}"},
                       {"images/IMG000001.jpeg", "x"},
                       {"images/IMG000002.jpeg", "x"},
                       {"images/IMG000003.jpg", "x"},
                       {"images/IMG000004.jpeg", "x"}};
  const Files hands = {{"boneage-training-dataset.csv", kBoneAge},
                       {"boneage-test-dataset.csv", "Case ID,Sex\n4360,M\n"},
                       {"boneage-test-dataset/4360.png", "x"},
                       {kHands + "1377.png", "x"},
                       {kHands + "1378.png", "x"},
                       {kHands + "1379.png", "x"}};
  const Row table[] = {
      {"GRAZPEDWRI-DX: an empty field is 0, 1.0 is 1",
       graz,
       {},
       "grazped",
       "binary",
       {"Non_fractured", "Fractured"},
       {a + " Non_fractured 1 WRIST", b + " Fractured 1 WRIST", c + " Fractured 2 WRIST"}},
      {"GRAZPEDWRI-DX: other flags",
       graz,
       {.columns = {.many = {"cast", "osteopenia", "metal"}}},
       "grazped",
       "multilabel",
       {"cast", "osteopenia", "metal"},
       {a + " none 1 WRIST", b + " none 1 WRIST", c + " cast, osteopenia 2 WRIST"}},
      {"GRAZPEDWRI-DX: another flag",
       graz,
       {.columns = {.one = "cast"}},
       "grazped",
       "binary",
       {"0", "1"},
       {a + " 0 1 WRIST", b + " 0 1 WRIST", c + " 1 2 WRIST"}},
      {"GRAZPEDWRI-DX: a number",
       graz,
       {.task = "regression", .columns = {.one = "age"}},
       "grazped",
       "regression",
       {"age"},
       {a + " 14.1 1 WRIST", b + " 14.1 1 WRIST", c + " 12 2 WRIST"}},
      {"GRAZPEDWRI-DX: several folders, a missing image, files without a row",
       {{"dataset.csv", kGraz + kGrazRows},
        {"images_part1/" + kImageA, "x"},
        {"images_part2/" + kImageB, "x"},
        {"images_part2/1.png", "x"},
        {"images_part2/2.png", "x"},
        {"images_part2/._" + kImageB, "x"}},
       {},
       "grazped",
       "binary",
       {"Non_fractured", "Fractured"},
       {"images_part1/" + kImageA + " Non_fractured 1 WRIST",
        "images_part1/" + kImageC + " Fractured 2 WRIST",
        "images_part2/" + kImageB + " Fractured 1 WRIST"},
       {"images_part2/1.png: has no row in dataset.csv; left out, as are all such files: 2"}},
      {"BTXRD: three classes, several sites, none",
       btxrd,
       {},
       "btxrd",
       "multiclass",
       {"normal", "benign", "malignant"},
       {"images/IMG000001.jpeg malignant images/IMG000001.jpeg FEMUR",
        "images/IMG000002.jpeg benign images/IMG000002.jpeg MIXED",
        "images/IMG000003.jpg normal images/IMG000003.jpg ",
        "images/IMG000004.jpeg benign images/IMG000004.jpeg HIP BONE"},
       {"images/x.json: has no row in dataset.csv"}},
      {"BTXRD: subtypes",
       btxrd,
       {.columns = {.many = {"osteosarcoma", "simple bone cyst"}}, .parts = {"hip bone", "femur"}},
       "btxrd",
       "multilabel",
       {"osteosarcoma", "simple bone cyst"},
       {"images/IMG000001.jpeg osteosarcoma images/IMG000001.jpeg FEMUR",
        "images/IMG000004.jpeg simple bone cyst images/IMG000004.jpeg HIP BONE"},
       {"images/x.json"}},
      {"BTXRD: tumour or none, a missing image",
       {{"dataset.csv", kBtxrd.header() + kBtxrdRows}, {"images/IMG000001.jpeg", "x"}},
       {.columns = {.one = "Tumor"}, .parts = {"FEMUR", "MIXED"}},
       "btxrd",
       "binary",
       {"0", "1"},
       {"images/IMG000001.jpeg 1 images/IMG000001.jpeg FEMUR",
        "images/IMG000002.jpeg 1 images/IMG000002.jpeg MIXED"}},
      {"bone ages",
       hands,
       {.task = "regression"},
       "boneage",
       "regression",
       {"boneage"},
       {kHands + "1377.png 180 " + kHands + "1377.png HAND",
        kHands + "1378.png 12 " + kHands + "1378.png HAND",
        kHands + "1379.png 94.5 " + kHands + "1379.png HAND"}},
      {"bone ages: a folder in the folder, a missing image, a file without a row",
       {{"boneage-training-dataset.csv", kBoneAge},
        {kHands + kHands + "1377.png", "x"},
        {kHands + kHands + "4.png", "x"},
        {"__MACOSX/1.png", "x"}},
       {.task = "regression", .columns = {.one = "BoneAge"}},
       "boneage",
       "regression",
       {"BoneAge"},
       {kHands + kHands + "1377.png 180 " + kHands + kHands + "1377.png HAND",
        kHands + kHands + "1378.png 12 " + kHands + kHands + "1378.png HAND",
        kHands + kHands + "1379.png 94.5 " + kHands + kHands + "1379.png HAND"},
       {kHands + kHands + "4.png: has no row in boneage-training-dataset.csv"}},
      {"bone ages: another column",
       hands,
       {.columns = {.one = "male"}, .positive = "True"},
       "boneage",
       "binary",
       {"False", "True"},
       {kHands + "1377.png False " + kHands + "1377.png HAND",
        kHands + "1378.png True " + kHands + "1378.png HAND",
        kHands + "1379.png False " + kHands + "1379.png HAND"}},
      {"knees: both of a patient together, auto_test left out",
       {{"train/0/9001695L.png", "x"},
        {"train/3/9001695R.png", "x"},
        {"val/1/9001400L.png", "x"},
        {"test/2/9002116R.png", "x"},
        {"auto_test/2/9002116R.png", "x"}},
       {.task = "ordinal"},
       "folder",
       "ordinal",
       {"0", "1", "2", "3"},
       {"test/2/9002116R.png 2 9002116 ", "train/0/9001695L.png 0 9001695 ",
        "train/3/9001695R.png 3 9001695 ", "val/1/9001400L.png 1 9001400 "},
       {"auto_test: left out"}},
      {"knees without splits",
       {{"0/9001695L.png", "x"}, {"4/9001695R.png", "x"}},
       {.task = "ordinal"},
       "folder",
       "ordinal",
       {"0", "1", "2", "3", "4"},
       {"0/9001695L.png 0 9001695 ", "4/9001695R.png 4 9001695 "}},
      {"no knees: one file has another name",
       {{"0/1L.png", "x"}, {"1/1R.png", "x"}, {"1/L.png", "x"}},
       {},
       "folder",
       "binary",
       {"0", "1"},
       {"0/1L.png 0 0/1L.png ", "1/1R.png 1 1/1R.png ", "1/L.png 1 1/L.png "}},
      {"a list of another layout beside class folders",
       {{"dataset.csv", "\"a\nb"}, {"0/1.png", "x"}, {"1/1.png", "x"}},
       {},
       "folder",
       "binary",
       {"0", "1"},
       {"0/1.png 0 0/1.png ", "1/1.png 1 1/1.png "}}};
  for (const Row& row : table) {
    CAPTURE(std::string(row.name));
    const TemporaryFolder folder;
    write_all(folder, row.files);
    const Manifest manifest = read_manifest(folder.path(), row.options);
    CHECK(manifest.dataset == row.dataset);
    CHECK(manifest.task == row.task);
    CHECK(manifest.classes == row.classes);
    CHECK(lines(manifest) == row.lines);
    REQUIRE(manifest.warnings.size() == row.warnings.size());
    for (std::size_t i = 0; i < row.warnings.size(); ++i)
      CHECK(contains(manifest.warnings[i], row.warnings[i]));
  }
}

TEST_CASE("a study is the images of one examination") {
  const TemporaryFolder folder;
  write_all(folder, {{"graz/dataset.csv", kGraz + kGrazRows},
                     {"graz/images/" + kImageA, "x"},
                     {"knees/0/9001695L.png", "x"},
                     {"knees/1/9001695R.png", "x"}});
  const Manifest graz = read_manifest(folder.path() / "graz", {});
  CHECK(graz.samples[0].study == "1/1");
  CHECK(graz.samples[1].study == "1/1");
  CHECK(graz.samples[2].study == "2/1");
  // The knees of a patient have grades of their own.
  const Manifest knees = read_manifest(folder.path() / "knees", {});
  CHECK(knees.samples[0].study != knees.samples[1].study);
}

TEST_CASE("splits by a column: the largest group trains, with val drawn from it") {
  const TemporaryFolder folder;
  std::string list = kBtxrd.header(), csv = "path,label,patient,clinic\n";
  for (int i = 0; i < 1000; ++i) {
    const char* center = i < 200 ? "3" : i < 500 ? "1" : "2";
    const std::string name = format(i, ".jpeg");
    list += btxrd_row(name, center, {i % 2 == 0 ? "femur" : "tibia"});
    csv += format(name, ",", i % 2, ",p", i / 2, ",clinic ", center, "\n");
  }
  folder.write("btxrd/dataset.csv", list);
  folder.write("btxrd/images/0.jpeg", "x");
  folder.write("list.csv", csv);
  struct Row {
    const char *data, *column;
    double val_fraction, val;
  };
  const Row table[] = {{"btxrd", "center", -1, 75},
                       {"btxrd", "Center", 0, 0},
                       {"btxrd", "center", 0.5, 250},
                       {"list.csv", "clinic", 0.5, 250}};
  for (const Row& row : table) {
    CAPTURE(std::string(row.data));
    CAPTURE(row.val_fraction);
    const ManifestOptions options{
        .task = "multiclass", .split_by = row.column, .val_fraction = row.val_fraction, .seed = 3};
    const Manifest manifest = read_manifest(folder.path() / row.data, options);
    CHECK(manifest.has_own_splits);  // so that folds are refused
    double val = 0;
    std::map<std::string, std::set<Split>> splits;  // of each patient
    for (const Sample& sample : manifest.samples) {
      const int i = std::stoi(fs::path(sample.path).stem().string());
      CHECK((sample.split == Split::test) == (i < 500));
      val += sample.split == Split::val;
      splits[sample.patient].insert(sample.split);
    }
    CHECK(std::abs(val - row.val) <= 40);
    for (const auto& [patient, all] : splits) CHECK(all.size() == 1);
  }
}

TEST_CASE("a column that cannot define splits") {
  struct Row {
    Files files;
    std::string data, column, message;
  };
  const std::string header = "path,label,patient,clinic,split\n";
  const Row table[] = {
      {{{"f/0/1.png", "x"}, {"f/1/1.png", "x"}},
       "f",
       "center",
       "usage: --split-by center: the data set folder has no list with columns"},
      {{{"a/dataset.csv", kBtxrd.header() + kBtxrdRows}, {"a/images/a.png", "x"}},
       "a",
       "clinic",
       "usage: --split-by clinic: dataset.csv:1: no such column; the header has image_id, center"},
      {{{"s.csv", "path,label,clinic\na,0,x\nb,1,x\n"}},
       "s.csv",
       "clinic",
       "usage: --split-by clinic: all images have the value x; two are needed"},
      {{{"s.csv", "path,label,clinic\na,0,x\nb,1,\n"}},
       "s.csv",
       "clinic",
       "s.csv:3: the clinic is empty"},
      {{{"s.csv", header + "a,0,p,x,train\nb,1,q,y,test\n"}},
       "s.csv",
       "clinic",
       "usage: --split-by clinic: the data set defines its own splits"},
      {{{"s.csv", "path,label,patient,clinic\na,0,p,x\nb,1,q,x\nc,1,p,y\n"}},
       "s.csv",
       "clinic",
       "patient p is in two splits: train (s.csv:2: a) and test (s.csv:4: c)"},
      {{{"a/images/Fractured/IMG1.jpg", "x"}, {"a/images/Non_fractured/IMG2.jpg", "x"}},
       "a",
       "hand",
       "dataset.csv: cannot be opened"},
      {{{"a/images/Fractured/IMG1.jpg", "x"},
        {"a/images/Non_fractured/IMG2.jpg", "x"},
        {"a/dataset.csv",
         "image_id,hand,leg,hip,shoulder,mixed,fractured\nIMG1.jpg,1,0,0,0,0,1\n"}},
       "a",
       "hand",
       "images/Non_fractured/IMG2.jpg: has no row with the column hand"}};
  for (const Row& row : table) {
    const TemporaryFolder folder;
    write_all(folder, row.files);
    std::string error = error_of(folder.path() / row.data, {.split_by = row.column});
    // Places without the path of the folder.
    for (const std::string& path : {folder.path().string() + "/a/", folder.path().string() + "/"})
      for (std::size_t at = 0; (at = error.find(path)) != std::string::npos;)
        error.erase(at, path.size());
    CAPTURE(row.message);
    CAPTURE(error);
    CHECK(error.starts_with(row.message));
  }
}

TEST_CASE("faulty data sets are one clear error that names the position") {
  struct Row {
    Files files;
    ManifestOptions options;
    std::string message;
  };
  const DataSetFile image{"images/a.png", "x"};
  const std::string graz = "filestem,patient_id,study_number,fracture_visible\n";
  const DataSetFile hand{kHands + "1.png", "x"};
  const auto btxrd = [](const std::vector<std::string>& ones) {
    return DataSetFile{"dataset.csv", kBtxrd.header() + btxrd_row("a.png", "1", ones)};
  };
  const auto ages = [](const std::string& text) {
    return DataSetFile{"boneage-training-dataset.csv", text};
  };
  const Row table[] = {
      {{{"dataset.csv", "filestem,patient,study_number\na,1,1\n"}, image},
       {},
       "dataset.csv:1: no column \"patient_id\"; needed are filestem, patient_id, study_number, "
       "fracture_visible; the header has filestem, patient, study_number"},
      {{{"dataset.csv", graz + "a,1,1,2\n"}, image},
       {},
       "dataset.csv:2: fracture_visible is \"2\", not 0 or 1"},
      {{{"dataset.csv", graz + "a,,1,1\n"}, image},
       {},
       "dataset.csv:2: filestem or patient_id is empty"},
      {{{"dataset.csv", graz + "a,1,1,1\na,1,1,1\n"}, image},
       {},
       "dataset.csv:3: images/a.png is listed twice; first at "},
      {{{"dataset.csv", graz + "a,1,1\n"}, image},
       {},
       "dataset.csv:2: 3 fields where the header has 4"},
      {{{"dataset.csv", graz + "a,1,1,1\n"}, {"pictures/a.png", "x"}},
       {},
       ": has no folder images and none named images_part1 to images_part4"},
      {{{"dataset.csv", graz + "a,1,1,1\n"}, image, {"images_part1/a.png", "x"}},
       {},
       ": a.png is in both images and images_part1; remove one of them"},
      {{{"dataset.csv", kGraz + kGrazRows}, image},
       {.columns = {.many = {"gender"}}},
       "gender is \"M\", not 0, 1 or empty (unknown)"},
      {{{"dataset.csv", kGraz + kGrazRows}, image},
       {.columns = {.one = "ao_classification"}},
       "dataset.csv:4: the ao_classification label is empty"},
      {{{"dataset.csv", kGraz + kGrazRows}, image},
       {.columns = {.one = "fracture"}},
       "dataset.csv:1: no column \"fracture\"; the header has filestem, patient_id"},
      {{{"f/0/1.png", "x"}}, {.dataset = "grazped"}, "dataset.csv: cannot be opened"},
      {{{"dataset.csv", "image_id,center,malignant\na.png,1,0\n"}, image},
       {},
       "dataset.csv:1: no column \"tumor\"; needed are image_id, center, tumor, benign, malignant, "
       "hand"},
      {{btxrd({"tumor", "benign", "malignant"}), image},
       {},
       "dataset.csv:2: tumor is 1, benign 1, malignant 1, which contradict each other"},
      {{btxrd({"benign"}), image}, {}, "dataset.csv:2: tumor is 0, benign 1, malignant 0"},
      {{btxrd({"malignant"}), image}, {}, "dataset.csv:2: tumor is 0, benign 0, malignant 1"},
      {{btxrd({"tumor"}), image}, {}, "dataset.csv:2: tumor is 1, benign 0, malignant 0"},
      {{btxrd({})}, {}, ": has no folder images"},
      {{{"dataset.xlsx", "PK"}, image},
       {},
       "dataset.xlsx: a spreadsheet cannot be read; save its sheet as dataset.csv beside it"},
      {{btxrd({"hand"}), image},
       {.task = "binary"},
       "makes 3 classes (normal, benign, malignant); the task binary needs two"},
      {{ages(kBoneAge), hand},
       {},
       "usage: --task auto: the label boneage is a number; add --task regression"},
      {{ages(kBoneAge), hand},
       {.task = "multiclass", .columns = {.one = "boneage"}},
       "usage: --task multiclass: the label boneage is a number; add --task regression"},
      {{ages("id,age\n1,3\n"), hand},
       {.task = "regression"},
       "boneage-training-dataset.csv:1: no column \"boneage\"; needed are id, boneage; the header "
       "has id, age"},
      {{ages("id,boneage,male\n1,-3,True\n"), hand},
       {.task = "regression"},
       "boneage-training-dataset.csv:2: boneage is -3, not a number of months"},
      {{ages("id,boneage,male\n1,old,True\n"), hand},
       {.task = "regression"},
       "boneage-training-dataset.csv:2: boneage 'old' is not a number"},
      {{ages(kBoneAge)},
       {.task = "regression"},
       ": has no folder boneage-training-dataset beside boneage-training-dataset.csv"},
      {{{"train/0/1L.png", "x"}, {"train/1/2L.png", "x"}, {"test/1/1R.png", "x"}},
       {},
       "patient 1 is in two splits: "},
      {{{"train/0/1L.png", "x"}, {"train/1/2L.png", "x"}, {"auto/1/1R.png", "x"}},
       {},
       "auto: is next to the split folders but is not one of them"}};
  for (const Row& row : table) {
    const TemporaryFolder folder;
    write_all(folder, row.files);
    const std::string error = error_of(folder.path(), row.options);
    CAPTURE(row.message);
    CAPTURE(error);
    CHECK(contains(error, row.message));
    CHECK(error.starts_with("usage") == row.message.starts_with("usage"));
  }
}
