// The data audit: counts, unreadable files, and duplicate images.
#include "data/audit.h"

#include <doctest/doctest.h>

#include <sstream>

#include "data/audit_results.h"
#include "data/demo/demo.h"
#include "tests/support/message_of.h"
#include "tests/support/temporary_folder.h"
#include "tests/support/tiny_data.h"

using namespace osteon;

namespace {

// A demonstration radiograph: the views of a study differ as real ones do.
Image radiograph(std::int64_t study, std::size_t view = 0) {
  const DemoOptions options{.studies = 40, .seed = 3, .image_size = 160};
  const std::vector<DemoStudy> studies = plan_demo(options);
  return draw_demo_study(studies.at(static_cast<std::size_t>(study)), options).at(view).image;
}

Image brighter(Image image) {
  for (std::uint8_t& level : image.pixels)
    level = static_cast<std::uint8_t>(std::min(255, level * 11 / 10 + 4));
  return image;
}

Image shifted(const Image& image, std::int64_t by) {
  Image result = image;
  for (std::int64_t y = 0; y < image.height; ++y)
    for (std::int64_t x = 0; x < image.width; ++x)
      result.pixels[static_cast<std::size_t>(y * image.width + x)] =
          x >= by ? image.at(y, x - by) : std::uint8_t{0};
  return result;
}

// Writes files at folder/SPLIT/CLASS/NAME and audits the folder.
struct File {
  const char* path;
  Image image;
};
std::pair<Manifest, DataAudit> audit(const TemporaryFolder& folder, const std::vector<File>& files,
                                     int workers = 2) {
  for (const File& file : files) {
    const auto path = folder.path() / file.path;
    std::filesystem::create_directories(path.parent_path());
    write_png(path, file.image);
  }
  const Manifest manifest = read_manifest(folder.path(), {});
  return {manifest, audit_data(manifest, workers)};
}

}  // namespace

TEST_CASE("copies are found in any form, other images are not") {
  const Image original = radiograph(0);
  struct Row {
    const char* name;
    Image other;
    std::size_t exact, near;
  };
  const Row rows[] = {
      {"the same file", original, 1, 0},
      {"smaller", resize(original, original.height * 2 / 3, original.width * 2 / 3), 0, 1},
      {"brighter", brighter(original), 0, 1},
      {"another study", radiograph(1), 0, 0},
      {"shifted by a quarter", shifted(original, original.width / 4), 0, 0},
      {"one grey level", Image{50, 50, std::vector<std::uint8_t>(2500, 7)}, 0, 0},
  };
  for (const Row& row : rows) {
    CAPTURE(std::string(row.name));
    const TemporaryFolder folder;
    const auto [manifest, result] = audit(folder, {{"train/normal/a.png", original},
                                                   {"test/abnormal/b.png", row.other},
                                                   {"val/normal/c.png", radiograph(7)}});
    CHECK(result.exact.size() == row.exact);
    CHECK(result.near.size() == row.near);
    const auto json = audit_json(manifest, result);
    for (const char* list : {"exact_duplicates", "near_duplicates"})
      for (const auto& each : json[list]) {
        CHECK(each["across_splits"] == true);
        CHECK(each["labels_differ"] == true);
        CHECK(each["paths"].size() == 2);
      }
  }
}

TEST_CASE("all images of the demonstration are distinct") {
  const DemoOptions options{.studies = 40, .seed = 3, .image_size = 96};
  const TemporaryFolder folder;
  write_demo(folder.path() / "demo", options);
  const DataAudit result = audit_data(read_manifest(folder.path() / "demo", {}), 2);
  CHECK(result.exact.empty());
  CHECK(result.near.empty());
  CHECK(result.patients_in_two_splits.empty());
}

TEST_CASE("counts, sizes and unreadable files are the same for any number of workers") {
  const TemporaryFolder folder;
  write_tiny_data(folder.path());
  folder.write("val/normal/broken.png", "no picture");
  std::filesystem::copy_file(folder.path() / "test/normal/0.png",
                             folder.path() / "test/normal/z.png");
  const Manifest manifest = read_manifest(folder.path(), {});
  const DataAudit one = audit_data(manifest, 1), three = audit_data(manifest, 3);
  CHECK(one.readable == 49);
  REQUIRE(one.unreadable.size() == 1);
  CHECK(one.unreadable[0].path == "val/normal/broken.png");
  CHECK(one.warned.empty());
  CHECK(one.width.lowest == 40);
  CHECK(one.height.highest == 40);
  CHECK(one.grey.median == doctest::Approx(115).epsilon(0.05));
  REQUIRE(one.exact.size() == 1);
  const auto json = audit_json(manifest, one);
  CHECK(json.dump() == audit_json(manifest, three).dump());
  CHECK(json["splits"]["train"]["images"] == 24);
  CHECK(json["parts"]["(none)"]["test"]["normal"] == 7);
  CHECK(json["exact_duplicates"][0]["across_splits"] == false);
  std::ostringstream out;
  print_audit(out, json);
  CHECK(contains(out.str(), "test/normal/0.png test/normal/z.png"));
  CHECK(contains(out.str(), "broken.png"));
}

TEST_CASE("an image that was read with a warning is counted and named") {
  const TemporaryFolder folder;
  write_tiny_data(folder.path());
  std::filesystem::copy_file(OSTEON_TEST_DATA "/images/warned_surplus_row.png",
                             folder.path() / "train/normal/0.png",
                             std::filesystem::copy_options::overwrite_existing);
  const Manifest manifest = read_manifest(folder.path(), {});
  const DataAudit audit = audit_data(manifest, 2);
  CHECK(audit.readable == 48);
  REQUIRE(audit.warned.size() == 1);
  CHECK(audit.warned[0].path == "train/normal/0.png");
  std::ostringstream out;
  print_audit(out, audit_json(manifest, audit));
  CHECK(contains(out.str(), "read with a warning: 1\n  train/normal/0.png: the PNG has more"));

  const PreparedImages prepared = prepare_images(manifest, {.image_size = 16});
  REQUIRE(prepared.warned.size() == 1);
  CHECK(prepared.warned[0].path == "train/normal/0.png");
  CHECK(contains(prepared.warned[0].warning, "more image data than pixels"));
}
