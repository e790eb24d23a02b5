// Data sets: every layout, MURA's irregularities, the splits, and the messages about faulty ones.
#include "data/manifest.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "base/csv_table.h"
#include "base/error.h"
#include "tests/support/data_set_files.h"
#include "tests/support/message_of.h"
#include "tests/support/temporary_folder.h"

using namespace osteon;
namespace fs = std::filesystem;

namespace {

using Files = DataSetFiles;

// "path label study patient part split": a sample as one comparable line.
std::string to_line(const Manifest& manifest, const Sample& sample) {
  return sample.path + " " + manifest.classes[static_cast<std::size_t>(sample.label)] + " " +
         sample.study + " " + sample.patient + " " + sample.part + " " + split_name(sample.split);
}

std::vector<std::string> lines(const Manifest& manifest) {
  std::vector<std::string> all;
  for (const Sample& sample : manifest.samples) all.push_back(to_line(manifest, sample));
  return all;
}

ManifestOptions with(const char* dataset, double val_fraction = -1) {
  ManifestOptions options;
  options.dataset = dataset;
  options.val_fraction = val_fraction;
  return options;
}

const std::string kWrist = "train/XR_WRIST/patient00006/study1_positive/";
const std::string kWristTwo = "train/XR_WRIST/patient00007/study1_negative/";
const std::string kElbow = "valid/XR_ELBOW/patient11185/study2_negative/";

}  // namespace

TEST_CASE("MURA: folders and lists give the same samples") {
  const Files images = {{kWrist + "image1.png", "x"},   {kWrist + "image2.png", "x"},
                        {kWrist + "._image1.png", "x"}, {kWristTwo + "image1.png", "x"},
                        {kElbow + "image1.png", "x"},   {"train/.DS_Store", "x"}};
  const std::vector<std::string> expected = {
      kWrist +
          "image1.png abnormal XR_WRIST/patient00006/study1_positive patient00006 XR_WRIST "
          "train",
      kWrist +
          "image2.png abnormal XR_WRIST/patient00006/study1_positive patient00006 XR_WRIST "
          "train",
      kWristTwo +
          "image1.png normal XR_WRIST/patient00007/study1_negative patient00007 XR_WRIST "
          "train",
      kElbow +
          "image1.png normal XR_ELBOW/patient11185/study2_negative patient11185 XR_ELBOW "
          "test"};
  const std::string m = "MURA-v1.1/";
  struct Row {
    const char* name;
    Files lists;
  };
  const Row table[] = {
      {"no lists", {}},
      {"lists as shipped",
       {{"train_image_paths.csv", m + kWrist + "image1.png\n" + m + kWrist + "image2.png\n" + m +
                                      kWristTwo + "image1.png\n"},
        {"train_labeled_studies.csv", m + kWrist + ",1\n" + m + kWristTwo + ",0\n"},
        {"valid_image_paths.csv", m + kElbow + "image1.png\n"},
        {"valid_labeled_studies.csv", m + kElbow + ",0\n"}}},
      {"header, carriage returns, no folder name, no slash, a dot-file listed",
       {{"train_image_paths.csv", "path\r\n" + kWrist + "image1.png\r\n" + kWrist +
                                      "._image1.png\r\n" + kWrist + "image2.png\r\n" + kWristTwo +
                                      "image1.png\r\n"},
        {"train_labeled_studies.csv", "study,label\r\n" + kWrist.substr(0, kWrist.size() - 1) +
                                          ",1\r\n" + kWristTwo + ",0\r\n"}}},
      {"labels only",
       {{"train_labeled_studies.csv", m + kWrist + ",1\n" + m + kWristTwo + ",0\n"}}},
      {"images only", {{"valid_image_paths.csv", "./" + kElbow + "image1.png\n"}}},
  };
  for (const Row& row : table)
    for (const bool parent : {false, true}) {
      CAPTURE(std::string(row.name));
      CAPTURE(parent);
      const TemporaryFolder folder;
      for (const Files& files : {images, row.lists})
        for (const DataSetFile& file : files)
          folder.write((parent ? "MURA-v1.1/" : "") + file.name, file.contents);
      const Manifest manifest = read_manifest(folder.path(), with("auto", 0));
      CHECK(manifest.dataset == "mura");
      CHECK(manifest.root == (parent ? folder.path() / "MURA-v1.1" : folder.path()));
      CHECK(manifest.classes == std::vector<std::string>{"normal", "abnormal"});
      CHECK(lines(manifest) == expected);
      CHECK(manifest.warnings.empty());
    }
}

TEST_CASE("MURA: the lists take precedence") {
  const TemporaryFolder folder;
  write_all(folder, {{kWrist + "image1.png", "x"},
                     {kWrist + "image2.png", "not listed"},
                     {kElbow + "image1.png", "x"},
                     {"train_image_paths.csv", kWrist + "image1.png\n" + kWrist + "image9.png\n"},
                     {"train_labeled_studies.csv", kWrist + ",0\n" + kWristTwo + ",0\n"}});
  const Manifest manifest = read_manifest(folder.path(), with("mura", 0));
  CHECK(lines(manifest) ==
        std::vector<std::string>{
            kWrist + "image1.png normal XR_WRIST/patient00006/study1_positive patient00006 "
                     "XR_WRIST train",
            kWrist + "image9.png normal XR_WRIST/patient00006/study1_positive patient00006 "
                     "XR_WRIST train",
            kElbow + "image1.png normal XR_ELBOW/patient11185/study2_negative patient11185 "
                     "XR_ELBOW test"});
  REQUIRE(manifest.warnings.size() == 2);
  CHECK(manifest.warnings[0].find("train_labeled_studies.csv:1: ") != std::string::npos);
  CHECK(manifest.warnings[0].find("contradicts its name; the list takes precedence") !=
        std::string::npos);
  CHECK(manifest.warnings[1].find("train_labeled_studies.csv:2: ") != std::string::npos);
  CHECK(manifest.warnings[1].find("has no images") != std::string::npos);
}

TEST_CASE("FracAtlas") {
  const TemporaryFolder folder;
  const std::string header = "image_id,hand,leg,hip,shoulder,mixed,fractured\n";
  write_all(folder, {{"images/Fractured/IMG0000280.jpg", "x"},
                     {"images/Fractured/IMG0003298.jpg", "x"},
                     {"images/Fractured/notes.txt", "x"},
                     {"images/Non_fractured/IMG0000299.jpg", "x"},
                     {"images/Non_fractured/IMG0000300.jpg", "x"},
                     {"images/Non_fractured/._IMG0000300.jpg", "x"},
                     {"dataset.csv", header + "IMG0000280.jpg,1,0,0,0,0,1\n"
                                              "IMG0003298.jpg,0,1,0,0,0,0\n"
                                              "IMG0000299.jpg,0,1,1,0,0,0\n"
                                              "IMG0004082.jpg,0,0,0,1,0,1\n"}});
  Manifest manifest = read_manifest(folder.path(), {});
  CHECK(manifest.dataset == "fracatlas");
  CHECK(manifest.classes == std::vector<std::string>{"Non_fractured", "Fractured"});
  REQUIRE(manifest.samples.size() == 5);
  const char* expected[][4] = {{"images/Fractured/IMG0000280.jpg", "1", "block0014", "HAND"},
                               {"images/Fractured/IMG0003298.jpg", "1", "block0164", "LEG"},
                               {"images/Fractured/IMG0004082.jpg", "1", "block0204", "SHOULDER"},
                               {"images/Non_fractured/IMG0000299.jpg", "0", "block0014", "MIXED"},
                               {"images/Non_fractured/IMG0000300.jpg", "0", "block0015", ""}};
  for (std::size_t i = 0; i < 5; ++i) {
    const Sample& sample = manifest.samples[i];
    CHECK(sample.path == expected[i][0]);
    CHECK(sample.study == expected[i][0]);
    CHECK(std::to_string(sample.label) == expected[i][1]);
    CHECK(sample.patient == expected[i][2]);
    CHECK(sample.part == expected[i][3]);
  }
  REQUIRE(manifest.warnings.size() == 3);
  CHECK(manifest.warnings[0].find("dataset.csv:3: fractured is 0 but the image is in Fractured") !=
        std::string::npos);
  CHECK(manifest.warnings[1].find("notes.txt: not a PNG, JPEG or DICOM file") != std::string::npos);
  CHECK(manifest.warnings[2].find("IMG0000300.jpg: has no row") != std::string::npos);
}

TEST_CASE("folder: splits by folders, else drawn") {
  const TemporaryFolder folder;
  write_all(folder, {{"a/train/normal/1.png", "x"},
                     {"a/train/Abnormal/1.JPG", "x"},
                     {"a/test/normal/1.png", "x"},
                     {"b/0/1.png", "x"},
                     {"b/1/._1.png", "x"},
                     {"b/1/2.jpeg", "x"}});
  const Manifest a = read_manifest(folder.path() / "a", {});
  CHECK(a.dataset == "folder");
  CHECK(a.classes == std::vector<std::string>{"normal", "Abnormal"});
  const std::string jpg = "train/Abnormal/1.JPG", test = "test/normal/1.png",
                    train = "train/normal/1.png";
  CHECK(lines(a) == std::vector<std::string>{test + " normal " + test + " " + test + "  test",
                                             jpg + " Abnormal " + jpg + " " + jpg + "  train",
                                             train + " normal " + train + " " + train + "  train"});
  const Manifest b = read_manifest(folder.path() / "b", {});
  REQUIRE(b.samples.size() == 2);
  CHECK(b.samples[1].path == "1/2.jpeg");
  CHECK(b.samples[1].label == 1);
  CHECK(b.samples[1].split == hashed_split(0, "1/2.jpeg", kValShare));
}

TEST_CASE("images of other names are found by their first bytes") {
  const fs::path dicom = fs::path(OSTEON_TEST_DATA) / "dicom",
                 images = fs::path(OSTEON_TEST_DATA) / "images";
  struct Row {
    const char* name;
    fs::path copied;  // empty: a text
    bool found;
  };
  const Row table[] = {{"1.2.840.1.2.3", dicom / "depth_u8.dcm", true},
                       {"a.dicom", dicom / "depth_u8.dcm", true},
                       {"b.IMA", dicom / "deflated.dcm", true},
                       {"I0001", dicom / "no_preamble.dcm", true},
                       {"I0002", dicom / "no_preamble_implicit.dcm", true},
                       {"I0003", dicom / "no_meta.dcm", true},
                       {"I0004", dicom / "no_meta_implicit.dcm", true},
                       {"I0005", dicom / "preamble_no_meta.dcm", true},
                       {"c.jpe", images / "grey.jpg", true},
                       {"d.JFIF", images / "grey.jpg", true},
                       {"e", images / "grey.jpg", true},
                       {"f.tmp", images / "grey8.png", true},
                       {"damaged.jpe", "", true},
                       {"list.csv", "", false},
                       {"README", "", false}};
  const TemporaryFolder folder;
  folder.write("0/a.png", "x");
  folder.write("1/empty", "");
  std::set<std::string> expected = {"0/a.png"};
  for (const Row& row : table) {
    const std::string path = std::string("1/") + row.name;
    folder.write(path, "\x08 path,label\n1,2\n");
    if (!row.copied.empty())
      fs::copy_file(row.copied, folder.path() / path, fs::copy_options::overwrite_existing);
    if (row.found) expected.insert(path);
  }
  fs::create_directory(folder.path() / "1" / "folder");
  const Manifest manifest = read_manifest(folder.path(), {});
  std::set<std::string> found;
  for (const Sample& sample : manifest.samples) found.insert(sample.path);
  CHECK(found == expected);
  CHECK(manifest.warnings.size() == 4);  // list.csv, README, empty, folder
}

TEST_CASE("folder and csv: usual spellings of splits, columns and separators") {
  const TemporaryFolder folder;
  for (const char* name :
       {"a/Train/0/1.png", "a/Train/1/1.png", "a/Valid/0/1.png", "a/TEST/1/1.png",
        "b/training/0/1.png", "b/validation/1/1.png", "b/testing/0/1.png", "b/testing/1/1.png",
        "c/valid/1.png", "c/invalid/1.png"})
    folder.write(name, "x");
  const auto count = [](const Manifest& manifest, Split split) {
    return std::ranges::count(manifest.samples, split, &Sample::split);
  };
  const Manifest a = read_manifest(folder.path() / "a", {});
  CHECK(count(a, Split::train) == 2);
  CHECK(count(a, Split::val) == 1);
  CHECK(count(a, Split::test) == 1);
  const Manifest b = read_manifest(folder.path() / "b", {});
  CHECK(count(b, Split::val) == 1);
  CHECK(count(b, Split::test) == 2);
  CHECK(read_manifest(folder.path() / "c", {.positive = "valid"}).classes ==
        std::vector<std::string>{"invalid", "valid"});
  for (const char* text :
       {"path,label,split\na.png,0,train\nb.png,1,val\nc.png,1,test\n",
        "Path;Label;Split\na.png;0;Train\nb.png;1;Valid\nc.png;1;TEST\n",
        "path\tLABEL\tsplit\r\na.png\t0\ttraining\r\nb.png\t1\tvalidation\r\nc.png\t1\tTesting\r\n",
        "\"path\";\"label\";\"split\"\n\"a.png\";0;train\nb.png;1;VAL\nc.png;1;test\n"}) {
    CAPTURE(text);
    const Manifest manifest = read_manifest(folder.write("list.csv", text), {});
    REQUIRE(manifest.samples.size() == 3);
    CHECK(manifest.samples[0].split == Split::train);
    CHECK(manifest.samples[1].split == Split::val);
    CHECK(manifest.samples[2].split == Split::test);
  }
}

TEST_CASE("csv: columns present and absent") {
  const TemporaryFolder folder;
  const fs::path full = folder.write("full.csv",
                                     "split,label,path,patient,study,part,note\n"
                                     "test,neg,b.png,p2,s3,HAND,x\n"
                                     "train,positive,\"a,1.png\",p1,,,\n"
                                     "val,neg,/abs/c.png,,s9,HAND,\n");
  const Manifest manifest = read_manifest(full, {});
  CHECK(manifest.dataset == "csv");
  CHECK(manifest.root == folder.path());
  CHECK(manifest.classes == std::vector<std::string>{"neg", "positive"});
  const std::string name = (folder.path().relative_path() / "a,1.png").string();
  CHECK(lines(manifest) == std::vector<std::string>{"/abs/c.png neg s9 s9 HAND val",
                                                    "a,1.png positive " + name + " p1  train",
                                                    "b.png neg s3 p2 HAND test"});
  const fs::path bare = folder.write("bare.csv", "path,label\na.png,0\nb.png,1\n");
  for (const Sample& sample : read_manifest(bare, {}).samples) {
    CHECK(sample.patient == sample.path);
    CHECK(sample.split == hashed_split(0, sample.path, kValShare));
  }
}

TEST_CASE("a written manifest is read back as the same samples") {
  const TemporaryFolder folder;
  write_all(folder, {{"MURA-v1.1/" + kWrist + "image1.png", "x"},
                     {"MURA-v1.1/" + kWristTwo + "image,1.png", "x"},
                     {"MURA-v1.1/" + kElbow + "image1.png", "x"}});
  const Manifest first = read_manifest(folder.path(), {});
  const fs::path file = folder.path() / "manifest.csv";
  write_manifest_csv(file, first);
  const Manifest second = read_manifest(file, {});
  CHECK(second.classes == first.classes);
  REQUIRE(second.samples.size() == 3);
  for (std::size_t i = 0; i < 3; ++i) {
    Sample sample = second.samples[i];
    CHECK(fs::equivalent(second.root / sample.path, first.root / first.samples[i].path));
    sample.path = first.samples[i].path;
    CHECK(to_line(second, sample) == to_line(first, first.samples[i]));
  }
  CHECK_THROWS_AS(write_manifest_csv(folder.path() / "none" / "m.csv", first), Error);
}

TEST_CASE("a list in the working directory is written with absolute paths") {
  const TemporaryFolder folder;
  Manifest manifest;
  manifest.classes = {"a", "b"};
  manifest.samples.push_back({"x.png"});
  CHECK(manifest.root.empty());
  write_manifest_csv(folder.path() / "set.csv", manifest);
  const CsvTable table(folder.path() / "set.csv");
  CHECK(table.rows()[0].fields[0] == (fs::current_path() / "x.png").string());
}

TEST_CASE("drawn splits: shares, stability, dependence on the seed only") {
  struct Row {
    double val_share, train, val, test;
  };
  const int n = 20000;
  for (const Row& row :
       {Row{0.15, 0.70, 0.15, 0.15}, Row{0.0, 0.85, 0.0, 0.15}, Row{0.5, 0.35, 0.5, 0.15}}) {
    std::map<Split, double> share;
    for (int i = 0; i < n; ++i)
      share[hashed_split(7, "patient" + std::to_string(i), row.val_share)] += 1.0 / n;
    CHECK(std::abs(share[Split::train] - row.train) < 0.015);
    CHECK(std::abs(share[Split::val] - row.val) < 0.015);
    CHECK(std::abs(share[Split::test] - row.test) < 0.015);
  }
  int same = 0;
  for (int i = 0; i < n; ++i) {
    const std::string patient = "block" + std::to_string(i);
    CHECK(split_draw(1, patient) == split_draw(1, patient));
    same += hashed_split(1, patient, 0.15) == hashed_split(2, patient, 0.15);
    // The patients of the test split do not depend on the size of val.
    CHECK((hashed_split(1, patient, 0.15) == Split::test) ==
          (hashed_split(1, patient, 0.4) == Split::test));
  }
  CHECK(same < 0.56 * n);  // 0.7^2 + 0.15^2 + 0.15^2 = 0.535 for independent draws
}

TEST_CASE("MURA: a tenth of the training patients goes to val, with all studies") {
  const TemporaryFolder folder;
  std::string list;
  for (int patient = 0; patient < 2000; ++patient)
    for (const char* part : {"XR_HAND", "XR_WRIST"})
      list += format("train/", part, "/patient", patient, "/study1_positive/image1.png\n");
  folder.write("train_image_paths.csv", list);
  struct Row {
    double val_fraction, share;
  };
  for (const Row& row : {Row{-1, 0.1}, Row{0, 0}, Row{0.3, 0.3}}) {
    std::map<std::string, std::set<Split>> splits;
    double val = 0;
    for (const Sample& sample :
         read_manifest(folder.path(), with("mura", row.val_fraction)).samples) {
      splits[sample.patient].insert(sample.split);
      val += sample.split == Split::val;
      CHECK(sample.split != Split::test);
    }
    CHECK(splits.size() == 2000);
    for (const auto& [patient, all] : splits) CHECK(all.size() == 1);
    CHECK(std::abs(val / 4000 - row.share) < 0.025);
  }
}

TEST_CASE("--val-fraction moves train patients if a data set has splits but no val") {
  const TemporaryFolder folder;
  std::string text = "path,label,split\n";
  for (int i = 0; i < 1000; ++i)
    text += format(i, ".png,", i % 2, ",", i < 800 ? "train" : "test", "\n");
  const fs::path file = folder.write("set.csv", text);
  for (const double fraction : {-1.0, 0.25}) {
    std::map<Split, int> count;
    for (const Sample& sample : read_manifest(file, with("csv", fraction)).samples)
      ++count[sample.split];
    CHECK(count[Split::test] == 200);
    CHECK(std::abs(count[Split::val] - 800 * std::max(fraction, 0.0)) < 40);
  }
}

TEST_CASE("parts are kept by name, with or without XR_") {
  const TemporaryFolder folder;
  write_all(folder, {{kWrist + "image1.png", "x"}, {kElbow + "image1.png", "x"}});
  ManifestOptions options;
  options.parts = {"wrist"};
  CHECK(read_manifest(folder.path(), options).samples.size() == 1);
  options.parts = {"XR_WRIST", "ELBOW"};
  CHECK(read_manifest(folder.path(), options).samples.size() == 2);
  options.parts = {"HAND"};
  CHECK(error_of(folder.path(), options) ==
        "usage: --parts: body part \"HAND\": the data set has XR_ELBOW, XR_WRIST");
}

TEST_CASE("bad input is one clear error that names the position") {
  struct Row {
    Files files;
    std::string data;
    ManifestOptions options;
    std::string message;
  };
  const std::string header = "path,label,patient,split\n";
  const std::string frac = "image_id,hand,leg,hip,shoulder,mixed,fractured\n";
  const Row table[] = {
      {{}, "nowhere", {}, "nowhere: no such folder or file"},
      {{{"empty/readme.txt", "x"}}, "empty", {}, "empty: has no folders"},
      {{{"e/a/x.txt", ""}, {"e/b/x.txt", ""}}, "e", {}, "e: contains no images (read as folder)"},
      {{{"s.csv", header}}, "s.csv", {}, "s.csv: contains no images (read as csv)"},
      {{{"s.csv", "file,label\na,0\n"}}, "s.csv", {}, "s.csv:1: no column \"path\""},
      {{{"s.csv", header + "a,0,p\n"}}, "s.csv", {}, "s.csv:2: 3 fields where the header has 4"},
      {{{"s.csv", header + "a,0,p,train\nb,1,q,dev\n"}},
       "s.csv",
       {},
       "s.csv:3: split \"dev\" is not train, val or test"},
      {{{"s.csv", header + "a,0,p,train\nb,1,q,\n"}},
       "s.csv",
       {},
       "s.csv:3: the column split is set in some lines and empty in others"},
      {{{"s.csv", header + "a,0,p,train\nb,,q,train\n"}},
       "s.csv",
       {},
       "s.csv:3: the label is empty"},
      {{{"s.csv", header + ",0,p,train\n"}}, "s.csv", {}, "s.csv:2: the path is empty"},
      {{{"s.csv", header + "a,0,p,train\nb,1,p,test\n"}},
       "s.csv",
       {},
       "patient p is in two splits: train ("},
      {{{"s.csv", header + "a,0,p,train\nb,1,q,test\na,0,p,train\n"}},
       "s.csv",
       {},
       "s.csv:4: a is listed twice; first at "},
      {{{"s.csv", header + "a,0,,\nb,1,,\nc,O,,\nd,0,,\ne,1,,\n"}},
       "s.csv",
       {.task = "binary"},
       "s.csv:4: c: label \"O\" makes 3 classes (0, 1, O); the task binary needs two"},
      {{{"s.csv", header + "a,0,,\nb,1,,\nc,2,,\n"}},
       "s.csv",
       {.positive = "1"},
       "usage: --positive: the task multiclass has no positive class"},
      {{{"s.csv", header + "a,1,p,train\n"}}, "s.csv", {}, "s.csv: all images are of one class, 1"},
      {{{"f/train/a/1.png", ""}, {"f/other/a/1.png", ""}},
       "f",
       {},
       "f/other: is next to the split folders"},
      {{{"f/a/1.png", ""}, {"f/b/1.png", ""}, {"f/c/1.png", ""}},
       "f",
       {.task = "binary"},
       "makes 3 classes (a, b, c)"},
      {{{"f/a/1.png", ""}}, "f", with("mura"), "f: is not MURA"},
      {{{"f/a/1.png", ""}}, "f", with("fracatlas"), "f: has neither images/Fractured"},
      {{{"f/a/1.png", ""}}, "f", with("csv"), "f: data set csv is a file, not a folder"},
      {{{"f.png", ""}}, "f.png", with("folder"), "f.png: data set folder is a folder, not a file"},
      {{{"f.png", ""}}, "f.png", with("coco"), "usage: --dataset \"coco\": choose auto, mura"},
      {{{"m/train_labeled_studies.csv", kWrist + ",1\n" + kWristTwo + "\n"}},
       "m",
       {},
       "train_labeled_studies.csv:2: 1 fields instead of 2"},
      {{{"m/train_labeled_studies.csv", kWrist + ",2\n"}},
       "m",
       {},
       "train_labeled_studies.csv:1: label \"2\" is neither 0 (normal) nor 1 (abnormal)"},
      {{{"m/train_labeled_studies.csv", "study,label\ntrain/WRIST/study1/,1\n"}},
       "m",
       {},
       "train_labeled_studies.csv:2: \"train/WRIST/study1/\" is not a study like train/XR_WRIST"},
      {{{"m/train_labeled_studies.csv", kWrist + ",1\n" + kWrist + ",1\n"}},
       "m",
       {},
       "train_labeled_studies.csv:2: train/XR_WRIST/patient00006/study1_positive is listed twice"},
      {{{"m/train_image_paths.csv", kElbow + "image1.png\n"}},
       "m",
       {},
       "train_image_paths.csv:1: \"valid/XR_ELBOW/patient11185/study2_negative/image1.png\" is "
       "not"},
      {{{"m/train_image_paths.csv", "../" + kWrist + "image1.png\n"}},
       "m",
       {},
       "train_image_paths.csv:1: \"../train"},
      {{{"m/train_image_paths.csv", kWrist + "image1.png\n" + kWristTwo + "image1.png\n"},
        {"m/train_labeled_studies.csv", kWrist + ",1\n"}},
       "m",
       {},
       "train_image_paths.csv:2: train/XR_WRIST/patient00007/study1_negative has no label"},
      {{{"m/train_image_paths.csv", kWrist + "image1.png\n" + kWrist + "image1.png\n"}},
       "m",
       {},
       "train_image_paths.csv:2: " + kWrist + "image1.png is listed twice"},
      {{{"m/train/XR_HAND/patient1/study1_unsure/image1.png", ""}},
       "m",
       {},
       "study1_unsure: label \"unsure\" is neither positive nor negative"},
      {{{"m/train/XR_HAND/patient1/study1_positive/image1.png", ""},
        {"m/valid/XR_HAND/patient1/study2_negative/image1.png", ""}},
       "m",
       {},
       "patient patient1 is in two splits: train "
       "(train/XR_HAND/patient1/study1_positive/image1.png) "
       "and test (valid/XR_HAND/patient1/study2_negative/image1.png)"},
      {{{"a/images/Fractured/IMG1.jpg", ""}, {"a/dataset.csv", frac + "IMG1.jpg,1,0,0,0,0\n"}},
       "a",
       {},
       "dataset.csv:2: 6 fields where the header has 7"},
      {{{"a/images/Fractured/IMG1.jpg", ""}, {"a/dataset.csv", frac + "IMG1.jpg,1,0,0,0,0,yes\n"}},
       "a",
       {},
       "dataset.csv:2: fractured is \"yes\", not 0 or 1"},
      {{{"a/images/Fractured/hand.jpg", ""}},
       "a",
       {},
       "images/Fractured/hand.jpg: not a FracAtlas name"},
      {{{"a/images/Fractured/IMG1.jpg", ""},
        {"a/images/Non_fractured/IMG1.jpg", ""},
        {"a/dataset.csv", frac + "IMG1.jpg,1,0,0,0,0,1\n"}},
       "a",
       {},
       "dataset.csv:2: IMG1.jpg is in both Fractured and Non_fractured"},
      {{{"s.csv", header + "a,0,p,train\nb,1,q,val\n"}},
       "s.csv",
       with("auto", 0.2),
       "usage: --val-fraction: the data set names its own val images"},
      {{{"s.csv", header + "a,0,,\nb,1,,\n"}},
       "s.csv",
       with("auto", 0.85),
       "usage: --val-fraction 0.85: must be at least 0 and below 0.85"},
      {{{"s.csv", header + "a,0,,train\nb,1,,train\n"}},
       "s.csv",
       with("auto", NAN),
       "usage: --val-fraction nan: must be at least 0 and below 1"},
  };
  for (const Row& row : table) {
    const TemporaryFolder folder;
    write_all(folder, row.files);
    const std::string error = error_of(folder.path() / row.data, row.options);
    CAPTURE(std::string(row.message));
    CAPTURE(error);
    CHECK(error.find(row.message) != std::string::npos);
    CHECK(error.starts_with("usage") == row.message.starts_with("usage"));
  }
}
