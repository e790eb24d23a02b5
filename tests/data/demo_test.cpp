// The demo radiographs: the same seed gives the same bits, the folder has MURA's layout, and
// neither brightness nor a thumbnail separates normal from abnormal.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "base/csv_table.h"
#include "data/demo/anatomy.h"
#include "data/demo/demo.h"
#include "data/image/image.h"
#include "tests/support/message_of.h"
#include "tests/support/run_program.h"
#include "tests/support/temporary_folder.h"

namespace fs = std::filesystem;
using namespace osteon;

namespace {

std::vector<std::string> lines_of(const fs::path& path) {
  std::ifstream file(path);
  std::vector<std::string> lines;
  for (std::string line; std::getline(file, line);) lines.push_back(line);
  return lines;
}

std::string bytes_of(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

// Relative path -> contents of every file below a folder.
std::map<std::string, std::string> tree_of(const fs::path& folder) {
  std::map<std::string, std::string> files;
  for (const auto& entry : fs::recursive_directory_iterator(folder))
    if (entry.is_regular_file())
      files[fs::relative(entry.path(), folder).generic_string()] = bytes_of(entry.path());
  return files;
}

// The parts of MURA-v1.1/train/XR_WRIST/patient00012/study1_positive/image1.png.
struct MuraPath {
  std::string split, part, patient, study;
  bool positive;
};

MuraPath parse(const std::string& path) {
  std::vector<std::string> fields;
  for (const fs::path& field : fs::path(path)) fields.push_back(field.string());
  REQUIRE(fields.size() >= 5);
  CHECK(fields[0] == "MURA-v1.1");
  const bool positive = fields[4].ends_with("_positive");
  CHECK((positive || fields[4].ends_with("_negative")));
  return {fields[1], fields[2], fields[3], fields[4], positive};
}

// The default demo set, written once for all tests that read it.
const fs::path& demo_folder() {
  static const TemporaryFolder folder;
  static const bool written = write_demo(folder.path(), {}) > 0;
  REQUIRE(written);
  return folder.path();
}

// The features of a shortcut: 32 histogram bins, and an 8x8 thumbnail.
std::vector<double> simple_features(const Image& image) {
  std::vector<double> features(32);
  for (const std::uint8_t pixel : image.pixels)
    features[pixel / 8] += 1.0 / static_cast<double>(image.pixels.size());
  for (const std::uint8_t pixel : resize(image, 8, 8).pixels) features.push_back(pixel / 255.0);
  return features;
}

struct Table {
  std::vector<std::vector<double>> rows;
  std::vector<double> labels;
};

Table load_features(const std::string& split) {
  Table table;
  for (const std::string& path :
       lines_of(demo_folder() / ("MURA-v1.1/" + split + "_image_paths.csv"))) {
    table.rows.push_back(simple_features(read_image(demo_folder() / path)));
    table.labels.push_back(parse(path).positive ? 1 : 0);
  }
  return table;
}

// Scales to zero mean and unit variance, with the columns of `reference`, and appends a constant
// column for the bias.
void standardise(Table& train, Table& valid) {
  const std::size_t columns = train.rows[0].size();
  for (std::size_t c = 0; c < columns; ++c) {
    double mean = 0, square = 0;
    for (const auto& row : train.rows) mean += row[c] / static_cast<double>(train.rows.size());
    for (const auto& row : train.rows)
      square += (row[c] - mean) * (row[c] - mean) / static_cast<double>(train.rows.size());
    const double deviation = std::max(std::sqrt(square), 1e-9);
    for (Table* table : {&train, &valid})
      for (auto& row : table->rows) row[c] = (row[c] - mean) / deviation;
  }
  for (Table* table : {&train, &valid})
    for (auto& row : table->rows) row.push_back(1);
}

double dot(const std::vector<double>& a, const std::vector<double>& b) {
  double sum = 0;
  for (std::size_t i = 0; i < a.size(); ++i) sum += a[i] * b[i];
  return sum;
}

// Solves matrix * x = b for a symmetric positive definite matrix, by Cholesky factorisation in
// place.
std::vector<double> solve(std::vector<std::vector<double>> matrix, std::vector<double> b) {
  const std::size_t n = b.size();
  for (std::size_t i = 0; i < n; ++i) {
    for (std::size_t j = 0; j <= i; ++j) {
      double sum = matrix[i][j];
      for (std::size_t k = 0; k < j; ++k) sum -= matrix[i][k] * matrix[j][k];
      matrix[i][j] = i == j ? std::sqrt(sum) : sum / matrix[j][j];
    }
  }
  for (std::size_t i = 0; i < n; ++i) {
    for (std::size_t k = 0; k < i; ++k) b[i] -= matrix[i][k] * b[k];
    b[i] /= matrix[i][i];
  }
  for (std::size_t i = n; i-- > 0;) {
    for (std::size_t k = i + 1; k < n; ++k) b[i] -= matrix[k][i] * b[k];
    b[i] /= matrix[i][i];
  }
  return b;
}

// Logistic regression by Newton's method, to convergence: minimises
std::vector<double> fit_logistic(const Table& table, double penalty) {
  const std::size_t n = table.rows[0].size();
  std::vector<double> weights(n);
  for (int iteration = 0; iteration < 50; ++iteration) {
    std::vector<double> gradient(n);
    std::vector<std::vector<double>> hessian(n, std::vector<double>(n));
    for (std::size_t i = 0; i < n; ++i) {
      gradient[i] = penalty * weights[i];
      hessian[i][i] = penalty;
    }
    for (std::size_t r = 0; r < table.rows.size(); ++r) {
      const std::vector<double>& row = table.rows[r];
      const double p = 1 / (1 + std::exp(-dot(weights, row)));
      for (std::size_t i = 0; i < n; ++i) {
        gradient[i] += (p - table.labels[r]) * row[i];
        for (std::size_t j = 0; j <= i; ++j) hessian[i][j] += p * (1 - p) * row[i] * row[j];
      }
    }
    const std::vector<double> step = solve(hessian, gradient);
    for (std::size_t i = 0; i < n; ++i) weights[i] -= step[i];
    if (dot(step, gradient) < 1e-10) return weights;
  }
  FAIL("logistic regression did not converge");
  return weights;
}

// The share of (positive, negative) pairs in the right order; ties count half.
double auroc(const std::vector<double>& scores, const std::vector<double>& labels) {
  double right = 0, pairs = 0;
  for (std::size_t i = 0; i < scores.size(); ++i) {
    for (std::size_t j = 0; j < scores.size(); ++j) {
      if (labels[i] != 1 || labels[j] != 0) continue;
      pairs += 1;
      right += scores[i] > scores[j] ? 1 : scores[i] == scores[j] ? 0.5 : 0;
    }
  }
  return right / pairs;
}

std::vector<double> scores_of(const Table& table, const std::vector<double>& weights) {
  std::vector<double> scores;
  for (const auto& row : table.rows) scores.push_back(dot(weights, row));
  return scores;
}

int status_of(const std::string& arguments) {
  return run_program("make_demo_data " + arguments).status;
}

// Mean absolute difference of two images inside and outside a box.
std::pair<double, double> change(const Image& a, const Image& b, const PixelBox& box) {
  double sums[2] = {0, 0}, counts[2] = {1e-9, 1e-9};
  for (std::int64_t y = 0; y < a.height; ++y) {
    for (std::int64_t x = 0; x < a.width; ++x) {
      const bool inside = x >= box.x0 && x < box.x1 && y >= box.y0 && y < box.y1;
      sums[inside] += std::abs(a.at(y, x) - b.at(y, x));
      counts[inside] += 1;
    }
  }
  return {sums[1] / counts[1], sums[0] / counts[0]};
}

}  // namespace

TEST_CASE("a seed determines every byte for any number of threads") {
  const TemporaryFolder folder;
  DemoOptions options{.studies = 16, .seed = 3, .image_size = 96};
  write_demo(folder.path() / "a", options);
  write_demo(folder.path() / "b", options);
  options.seed = 4;
  write_demo(folder.path() / "c", options);
  const auto a = tree_of(folder.path() / "a"), b = tree_of(folder.path() / "b"),
             c = tree_of(folder.path() / "c");
  CHECK(a.size() > 16 + 5);
  CHECK(a == b);
  for (const auto& [path, contents] : c) CHECK((!a.contains(path) || a.at(path) != contents));

  // One study drawn alone, out of order, is the same as within the set.
  options.seed = 3;
  const std::vector<DemoStudy> studies = plan_demo(options);
  const std::vector<DemoView> views = draw_demo_study(studies.back(), options);
  const Image written = read_image(folder.path() / "a" / studies.back().folder() / "image1.png");
  CHECK(views[0].image.pixels == written.pixels);
}

TEST_CASE("folders and lists are MURA's") {
  std::set<std::string> parts;
  std::size_t images = 0, studies = 0;
  for (const std::string split : {"train", "valid"}) {
    std::map<std::string, bool> labelled;
    std::map<std::string, std::set<bool>> labels_of_part;
    const fs::path mura = demo_folder() / "MURA-v1.1";
    for (const std::string& line : lines_of(mura / (split + "_labeled_studies.csv"))) {
      const std::size_t comma = line.find(',');
      REQUIRE(comma != std::string::npos);
      const std::string path = line.substr(0, comma), label = line.substr(comma + 1);
      const MuraPath study = parse(path);
      CHECK(path.ends_with('/'));
      CHECK(study.split == split);
      CHECK(label == (study.positive ? "1" : "0"));
      CHECK(labelled.emplace(path, study.positive).second);
      labels_of_part[study.part].insert(study.positive);
      parts.insert(study.part);
    }
    for (const auto& part : labels_of_part) CHECK_MESSAGE(part.second.size() == 2, part.first);
    std::map<std::string, int> views;
    for (const std::string& path : lines_of(mura / (split + "_image_paths.csv"))) {
      CHECK_MESSAGE(fs::is_regular_file(demo_folder() / path), path);
      ++views[fs::path(path).parent_path().string() + "/"];
      ++images;
    }
    CHECK(views.size() == labelled.size());
    for (const auto& study : views) {
      CHECK_MESSAGE(labelled.contains(study.first), study.first);
      CHECK((study.second >= 1 && study.second <= 4));
    }
    studies += labelled.size();
  }
  CHECK(studies == static_cast<std::size_t>(DemoOptions{}.studies));
  CHECK(parts.size() == demo::demo_parts().size());
  CHECK(parts.size() >= 3);
  std::size_t files = 0;
  for (const auto& entry : fs::recursive_directory_iterator(demo_folder() / "MURA-v1.1"))
    files += entry.path().extension() == ".png";
  CHECK(files == images);
}

TEST_CASE("no patient is in two splits, and some have several studies") {
  std::map<std::string, std::set<std::string>> splits, studies;
  for (const std::string split : {"train", "valid"}) {
    for (const std::string& path :
         lines_of(demo_folder() / ("MURA-v1.1/" + split + "_image_paths.csv"))) {
      const MuraPath image = parse(path);
      splits[image.patient].insert(image.split);
      studies[image.patient].insert(image.part + "/" + image.study);
    }
  }
  for (const auto& patient : splits) CHECK_MESSAGE(patient.second.size() == 1, patient.first);
  CHECK(std::any_of(studies.begin(), studies.end(),
                    [](const auto& p) { return p.second.size() > 1; }));
}

TEST_CASE("every abnormal image has a lesion box inside it; normal images have none") {
  const CsvTable table(demo_folder() / "lesions.csv");
  std::set<std::string> listed, kinds;
  const std::size_t path = table.require("path"), kind = table.require("kind");
  for (const CsvRow& row : table.rows()) {
    listed.insert(row.fields[path]);
    kinds.insert(row.fields[kind]);
    const Image image = read_image(demo_folder() / row.fields[path]);
    const auto number = [&](const char* column) {
      return std::stoll(row.fields[table.require(column)]);
    };
    INFO(row.fields[path]);
    CHECK(0 <= number("x0"));
    CHECK(number("x0") + 4 < number("x1"));
    CHECK(number("x1") <= image.width);
    CHECK(0 <= number("y0"));
    CHECK(number("y0") + 4 < number("y1"));
    CHECK(number("y1") <= image.height);
  }
  CHECK(kinds == std::set<std::string>{"fracture", "displaced", "hardware", "lytic"});
  std::set<std::string> positive;
  for (const std::string split : {"train", "valid"})
    for (const std::string& image :
         lines_of(demo_folder() / ("MURA-v1.1/" + split + "_image_paths.csv")))
      if (parse(image).positive) positive.insert(image);
  CHECK(listed == positive);
}

TEST_CASE("an abnormality changes the image inside its box") {
  const DemoOptions options{.studies = 64, .seed = 5, .image_size = 128};
  int views = 0, visible = 0;
  for (const DemoStudy& study : plan_demo(options)) {
    if (!study.positive()) continue;
    DemoStudy healthy = study;
    healthy.abnormality = demo::Abnormality::none;
    const std::vector<DemoView> ill = draw_demo_study(study, options);
    const std::vector<DemoView> well = draw_demo_study(healthy, options);
    for (std::size_t v = 0; v < ill.size(); ++v) {
      REQUIRE(ill[v].image.pixels.size() == well[v].image.pixels.size());
      const auto [inside, outside] = change(ill[v].image, well[v].image, ill[v].lesion);
      ++views;
      visible += inside > 3 * outside && inside > 2;
      CHECK(well[v].lesion.x1 == 0);
    }
  }
  MESSAGE(visible, " of ", views, " views change mostly inside the box");
  // Jewellery that only one of the two wears may sometimes change more than the lesion.
  CHECK(visible >= 0.8 * views);
}

TEST_CASE("neither brightness nor a thumbnail reveals the label") {
  Table train = load_features("train"), valid = load_features("valid");
  standardise(train, valid);
  const std::vector<double> constant(valid.labels.size(), 0.3);
  CHECK(auroc(constant, valid.labels) == 0.5);
  for (const double penalty : {0.01, 1.0, 100.0}) {
    const std::vector<double> weights = fit_logistic(train, penalty);
    const double seen = auroc(scores_of(train, weights), train.labels);
    const double unseen = auroc(scores_of(valid, weights), valid.labels);
    MESSAGE("penalty ", penalty, ": AUROC ", seen, " on train, ", unseen, " on valid");
    CHECK(unseen < 0.65);
  }
}

TEST_CASE("impossible options are named") {
  const TemporaryFolder folder;
  folder.write("full/something.txt", "mine");
  folder.write("file", "");
  struct Case {
    const char* out;
    DemoOptions options;
    const char* message;
  };
  const Case cases[] = {
      {"full", {.studies = 16}, "is not empty"},
      {"file", {.studies = 16}, "is not a folder"},
      {"new", {.studies = 15}, "15 studies asked for"},
      {"new", {.studies = -1}, "-1 studies asked for"},
      {"new", {.studies = 60'000}, "60000 studies asked for"},
      {"new", {.studies = 16, .image_size = 8}, "image size 8"},
  };
  for (const Case& c : cases) {
    const std::string message = message_of([&] { write_demo(folder.path() / c.out, c.options); });
    CHECK_MESSAGE(contains(message, c.message), message);
  }
  CHECK(bytes_of(folder.path() / "full/something.txt") == "mine");
  CHECK_FALSE(fs::exists(folder.path() / "new"));

  const std::string out = " --out " + (folder.path() / "full").string();
  CHECK(status_of("--studies 16" + out) == 1);
  CHECK(status_of("--studies 16") == 2);
  CHECK(status_of("--studies many" + out) == 2);
  CHECK(status_of("--help") == 0);
}
