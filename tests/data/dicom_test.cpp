// DICOM files of every kind against the results of pydicom and numpy (tests/golden/dicom, written
// by scripts/golden/dicom.py), and refused files.
#include <doctest/doctest.h>

#include <cstdlib>
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>

#include "data/image/image.h"
#include "tests/support/message_of.h"
#include "tests/support/temporary_folder.h"

using namespace osteon;
using nlohmann::json;

namespace {

const std::filesystem::path kFolder = OSTEON_TEST_DATA "/dicom";

const json& golden() {
  static const json data = json::parse(std::ifstream(kFolder / "dicom.json"));
  return data;
}

std::string bytes_of(const char* name) {
  std::ifstream in(kFolder / name, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

// A build without GDCM refuses each file with that reason.
bool reads_dicom() {
  return !contains(message_of([] { read_image(kFolder / "grey8.dcm"); }), "install GDCM");
}

}  // namespace

TEST_CASE("every kind of DICOM file gives the grey levels that pydicom and numpy give") {
  if (!reads_dicom()) {
    MESSAGE("skipped: this build reads no DICOM");
    return;
  }
  REQUIRE(golden().at("good").size() >= 14);
  for (const auto& file : golden().at("good").items()) {
    CAPTURE(file.key());
    const json& expected = file.value();
    Image image;
    CHECK(message_of([&] { image = read_image(kFolder / file.key()); }) == "");
    REQUIRE(image.height == golden().at("height"));
    REQUIRE(image.width == golden().at("width"));
    int worst = 0;
    for (std::size_t i = 0; i < image.pixels.size(); ++i)
      worst = std::max(worst, std::abs(image.pixels[i] - expected.at("levels")[i].get<int>()));
    CHECK(worst <= expected.at("tolerance"));
  }
}

TEST_CASE("a file without a single complete image is refused by name, without the patient's") {
  if (!reads_dicom()) {
    MESSAGE("skipped: this build reads no DICOM");
    return;
  }
  REQUIRE(golden().at("bad").size() >= 8);
  for (const auto& file : golden().at("bad").items()) {
    CAPTURE(file.key());
    const std::string message = message_of([&] { read_image(kFolder / file.key()); });
    CAPTURE(message);
    CHECK(contains(message, file.key()));
    CHECK(contains(message, file.value()));
    CHECK(!contains(message, "Doe"));
  }
}

TEST_CASE("a DICOM file truncated anywhere is refused and nothing aborts") {
  if (!reads_dicom()) {
    MESSAGE("skipped: this build reads no DICOM");
    return;
  }
  const TemporaryFolder folder;
  for (const char* name : {"grey8.dcm", "grey8_implicit.dcm", "jpeg2000.dcm", "rle.dcm"}) {
    CAPTURE(name);
    const std::string whole = bytes_of(name);
    for (std::size_t size = 132; size < whole.size(); ++size) {
      const auto file = folder.write("short.dcm", std::string_view(whole).substr(0, size));
      CHECK(message_of([&] { read_image(file); }) != "");
    }
  }
}

// Damage inside a compressed image ends GDCM's decoders in many ways.
TEST_CASE("a DICOM file with any byte changed is read or refused and nothing aborts") {
  if (!reads_dicom()) {
    MESSAGE("skipped: this build reads no DICOM");
    return;
  }
  const TemporaryFolder folder;
  std::size_t ended = 0;
  for (const char* name : {"grey8.dcm", "grey8_implicit.dcm", "rgb.dcm", "grey12.dcm", "rle.dcm",
                           "jpeg_baseline_colour.dcm", "jpeg_lossless.dcm", "jpeg_lossless_8.dcm",
                           "jpeg_ls.dcm", "jpeg2000.dcm"}) {
    CAPTURE(name);
    const std::string whole = bytes_of(name);
    std::size_t refused = 0;
    for (std::size_t i = 128; i < whole.size(); ++i) {
      std::string changed = whole;
      changed[i] = static_cast<char>(~changed[i]);
      const auto file = folder.write("changed.dcm", changed);
      const std::string message = message_of([&] { read_image(file); });
      if (message != "") ++refused;
      if (contains(message, "signal")) ++ended;
    }
    CHECK(refused > 0);
  }
  CHECK(ended > 0);  // else the decoders have become better, or the damage misses them
}
