// Compares the grey levels of DICOM files of every kind with those of pydicom and numpy
// (tests/golden/dicom, written by scripts/golden/dicom.py); and checks that damaged files are
// refused.
#include <doctest/doctest.h>

#include <algorithm>
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

// Whether a build without GDCM refuses the image for that reason only.
bool needs_gdcm(const std::string& message) { return contains(message, "install GDCM"); }

int worst_difference(const Image& image, const std::string& hex) {
  int worst = 0;
  for (std::size_t i = 0; i < image.pixels.size(); ++i)
    worst =
        std::max(worst, std::abs(image.pixels[i] - std::stoi(hex.substr(2 * i, 2), nullptr, 16)));
  return worst;
}

// Files that together take every path through the decoder; the tests damage them.
constexpr const char* kUncompressed[] = {"depth_u8.dcm",
                                         "no_meta_implicit.dcm",
                                         "deflated.dcm",
                                         "big_endian_u12.dcm",
                                         "modality_lut.dcm",
                                         "voi_lut_signed.dcm",
                                         "ybr_full_422.dcm",
                                         "palette_8_bit.dcm",
                                         "padding_range_signed.dcm",
                                         "jpeg_jfif_called_rgb.dcm"};
constexpr const char* kCompressed[] = {"rle_rgb.dcm",       "jpeg_lossless_s16.dcm",
                                       "jpeg_ls_u12.dcm",   "jpeg_2000_u12.dcm",
                                       "jpeg_2000_rgb.dcm", "jpeg_extended_12.dcm"};

}  // namespace

TEST_CASE("every kind of DICOM file gives the grey levels that pydicom and numpy give") {
  REQUIRE(golden().at("good").size() >= 140);
  for (const auto& file : golden().at("good").items()) {
    CAPTURE(file.key());
    const json& expected = file.value();
    Image image;
    const std::string message = message_of([&] { image = read_image(kFolder / file.key()); });
    if (needs_gdcm(message)) continue;
    CHECK(message == "");
    const std::string levels = expected.at("levels");
    REQUIRE(image.width == expected.at("width"));
    REQUIRE(image.pixels.size() * 2 == levels.size());
    CHECK(worst_difference(image, levels) <= expected.value("tolerance", 0));
    const std::string warning = expected.value("warning", "");
    CHECK(image.warnings.size() == (warning.empty() ? 0 : 1));
    if (!warning.empty()) CHECK(contains(image.warnings.at(0), warning));
  }
}

TEST_CASE("a file without one complete image is refused; the error does not name the patient") {
  REQUIRE(golden().at("bad").size() >= 15);
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
  const TemporaryFolder folder;
  const auto check = [&](const char* name) {
    CAPTURE(std::string(name));
    const std::string whole = bytes_of(name);
    for (std::size_t size = 0; size < whole.size(); ++size) {
      const auto file = folder.write("short.dcm", std::string_view(whole).substr(0, size));
      CHECK(message_of([&] { read_image(file); }) != "");
    }
  };
  for (const char* name : kUncompressed) check(name);
  check("rle_u12.dcm");
  check("jpeg_2000_u12.dcm");
}

// Damage inside a compressed image makes GDCM's decoders fail in many ways.
TEST_CASE("a DICOM file with any byte changed is read or refused and nothing aborts") {
  const TemporaryFolder folder;
  std::size_t ended = 0;
  bool has_gdcm = true;
  const auto check = [&](const char* name) {
    CAPTURE(std::string(name));
    const std::string whole = bytes_of(name);
    std::size_t refused = 0;
    for (std::size_t i = 0; i < whole.size(); ++i) {
      std::string changed = whole;
      changed[i] = static_cast<char>(~changed[i]);
      const auto file = folder.write("changed.dcm", changed);
      const std::string message = message_of([&] { read_image(file); });
      if (message != "") ++refused;
      CHECK(std::ranges::all_of(message, [](char c) { return ' ' <= c && c <= '~'; }));
      if (contains(message, "signal")) ++ended;
      if (needs_gdcm(message)) has_gdcm = false;
    }
    CHECK(refused > 0);
  };
  for (const char* name : kUncompressed) check(name);
  for (const char* name : kCompressed) check(name);
  // Otherwise the decoders were improved, or the changed bytes do not reach them.
  if (has_gdcm) CHECK(ended > 0);
}
