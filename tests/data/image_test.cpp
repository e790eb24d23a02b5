// Decoding, resizing and writing images: golden files made with Pillow, and damaged files.
#include "data/image/image.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "base/error.h"
#include "data/image/decoders.h"
#include "tests/support/temporary_folder.h"

using namespace osteon;
namespace fs = std::filesystem;
using nlohmann::json;

namespace {

const fs::path kGolden = OSTEON_TEST_DATA;
constexpr std::size_t kSignatureBytes = 8;  // of a PNG; only read_image checks them

// Rows of grey levels in hexadecimal.
Image from_hex(const json& rows) {
  Image image;
  for (const std::string row : rows) {
    ++image.height;
    image.width = static_cast<std::int64_t>(row.size() / 2);
    for (std::size_t i = 0; i < row.size(); i += 2)
      image.pixels.push_back(static_cast<std::uint8_t>(std::stoi(row.substr(i, 2), nullptr, 16)));
  }
  return image;
}

// The largest difference of two images of one size; 256 if the sizes differ.
int difference(const Image& a, const Image& b) {
  if (a.height != b.height || a.width != b.width || a.pixels.size() != b.pixels.size()) return 256;
  int largest = 0;
  for (std::size_t i = 0; i < a.pixels.size(); ++i)
    largest = std::max(largest, std::abs(a.pixels[i] - b.pixels[i]));
  return largest;
}

std::string read_text(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
}

std::vector<std::uint8_t> read_bytes(const fs::path& path) {
  const std::string text = read_text(path);
  return {text.begin(), text.end()};
}

std::vector<std::uint8_t> with_flipped(std::vector<std::uint8_t> bytes, std::size_t at, int bits) {
  bytes[at] = static_cast<std::uint8_t>(bytes[at] ^ bits);
  return bytes;
}

std::string error_of(const fs::path& path) {
  try {
    read_image(path);
  } catch (const Error& error) {
    return error.what();
  }
  return "no error";
}

Image gradient(std::int64_t height, std::int64_t width) {
  Image image{height, width, {}};
  for (std::int64_t i = 0; i < height * width; ++i)
    image.pixels.push_back(static_cast<std::uint8_t>((i * 7 + i / width * 13) % 256));
  return image;
}

}  // namespace

TEST_CASE("files of every kind decode to Pillow's grey levels") {
  const json golden = json::parse(read_text(kGolden / "images" / "images.json"));
  CHECK(golden.size() == 104);
  for (const auto& item : golden.items()) {
    CAPTURE(item.key());
    const fs::path file = kGolden / "images" / item.key();
    if (item.value() == "refused") {
      CHECK(error_of(file).find(file.string() + ": ") == 0);
      continue;
    }
    const Image image = read_image(file);
    // JPEG decoders may round differently by one level.
    CHECK(difference(image, from_hex(item.value())) <= (file.extension() == ".jpg" ? 1 : 0));
    CHECK(image.warnings.empty() == !item.key().starts_with("warned_"));
  }
}

TEST_CASE("each fault that does not concern the pixels is a warning of its own") {
  struct Row {
    const char *file, *warning;
  };
  const Row table[] = {
      {"warned_colour_outside_palette.png", "colours outside the palette"},
      {"warned_unknown_critical_chunk.png", "unknown critical chunk"},
      {"warned_critical_behind.png", "unknown critical chunk"},
      {"warned_surplus_byte.png", "more image data than pixels"},
      {"warned_surplus_much.png", "more image data than pixels"},
      {"warned_surplus_row.png", "more image data than pixels"},
      {"warned_no_adler.png", "no checksum"},
      {"warned_no_end.png", "no end chunk"},
      {"warned_half_end.png", "no end chunk"},
      {"warned_no_end_no_crc.png", "ends within the chunk"},
      {"warned_crc_of_data.png", "wrong checksum"},
      {"warned_crc_behind.png", "wrong checksum"},
      {"warned_data_behind.png", "in two places"},
      {"warned_jfif_2.jpg", "unknown JFIF revision number 2.01"},
      {"warned_extraneous_50.jpg", "extraneous bytes"},
      {"warned_between_markers.jpg", "3 extraneous bytes"},
      {"warned_restart_number.jpg", "Corrupt JPEG data"},
  };
  for (const Row& row : table) {
    CAPTURE(std::string(row.file));
    const Image image = read_image(kGolden / "images" / row.file);
    REQUIRE(!image.warnings.empty());
    CAPTURE(image.warnings.front());
    CHECK(image.warnings.front().find(row.warning) != std::string::npos);
  }
}

TEST_CASE("each refused file is refused for its own reason") {
  struct Row {
    const char *file, *message;
  };
  const Row table[] = {
      {"refused_no_palette.png", "no palette"},
      {"refused_row_missing.png", "image data ends early"},
      {"refused_adler.png", "incorrect data check"},
      {"refused_data_in_two_places.png", "image data ends early"},
      {"refused_crc_before.png", "wrong checksum"},
      {"refused_too_large.png", "2147483647 x 2147483647 pixels, more than the 67108864 allowed"},
      {"refused_half.jpg", "Premature end"},
      {"refused_half_with_end.jpg", "premature end of data segment"},
  };
  for (const Row& row : table) {
    CAPTURE(std::string(row.file));
    CHECK_THROWS_WITH_AS(read_image(kGolden / "images" / row.file), doctest::Contains(row.message),
                         Error);
  }
}

// If only bytes behind the image data are damaged or missing, the image is complete and has a
// warning.
TEST_CASE("a PNG with a flipped byte anywhere or cut anywhere is refused or complete") {
  for (const char* name : {"rgb8_interlaced.png", "palette4.png", "text_and_three_parts.png"}) {
    CAPTURE(std::string(name));
    const std::vector<std::uint8_t> whole = read_bytes(kGolden / "images" / name);
    const Image right = decode_png(whole);
    std::size_t refused = 0, warned = 0;
    const auto check = [&](Bytes file) {
      Image image;
      try {
        image = decode_png(file);
      } catch (const Error&) {
        ++refused;
        return;
      }
      CHECK(difference(image, right) == 0);
      CHECK(!image.warnings.empty());
      ++warned;
    };
    for (std::size_t i = kSignatureBytes; i < whole.size(); ++i) {
      CAPTURE(i);
      for (const int bits : {0x01, 0x20, 0x80, 0xFF}) check(with_flipped(whole, i, bits));
      check(Bytes(whole).first(i));
    }
    // Only damage to the checksum of the image data, to CRCs and to the end chunk may be a warning:
    // at most 60 bytes.
    CHECK(warned > 0);
    CHECK(warned <= 5 * 60);
    CHECK(refused + warned == 5 * (whole.size() - kSignatureBytes));
  }
}

TEST_CASE("bytes after the end of an image do not matter") {
  for (const char* name : {"grey8.png", "grey.jpg"}) {
    const TemporaryFolder folder;
    const fs::path file = kGolden / "images" / name;
    CHECK(difference(read_image(folder.write("longer", read_text(file) + "tail")),
                     read_image(file)) == 0);
  }
}

TEST_CASE("a JPEG cut anywhere is refused; a flipped byte is refused or decodes") {
  for (const char* name : {"grey.jpg", "colour_420.jpg", "colour_progressive.jpg", "exif_6.jpg"}) {
    const std::vector<std::uint8_t> whole = read_bytes(kGolden / "images" / name);
    int refused = 0;
    for (std::size_t i = 0; i < whole.size(); ++i) {
      CAPTURE(std::string(name));
      CAPTURE(i);
      CHECK_THROWS_AS(decode_jpeg(Bytes(whole).first(i)), Error);
      for (const int bits : {0x01, 0x10, 0xFF}) try {
          decode_jpeg(with_flipped(whole, i, bits));
        } catch (const Error&) {
          ++refused;
        }
    }
    CHECK(refused > 0);
  }
}

TEST_CASE("a JPEG whose end marker is overwritten is refused") {
  std::vector<std::uint8_t> file = read_bytes(kGolden / "images" / "grey.jpg");
  CHECK_NOTHROW(decode_jpeg(file));
  file.resize(file.size() - 2);
  file.resize(file.size() + 1000);
  CHECK_THROWS_WITH_AS(decode_jpeg(file), doctest::Contains("damaged JPEG"), Error);
}

TEST_CASE("files that are not images are named") {
  const TemporaryFolder folder;
  struct Row {
    fs::path file;
    const char* message;
  };
  const Row table[] = {
      {folder.path() / "missing.png", "no such file"},
      {folder.path(), "not a regular file"},
      {folder.write("empty.png", ""), "the file is empty"},
      {folder.write("text.png", "hello"),
       "its first bytes are not those of a PNG, JPEG or DICOM file"},
      {folder.write("signature.png", "\x89PNG\r\n\x1A\n"), "the PNG ends early"},
      {folder.write("start.jpg", "\xFF\xD8\xFF"), "damaged JPEG"},
  };
  for (const Row& row : table)
    CHECK(error_of(row.file) ==
          row.file.string() + ": " + row.message +
              (row.message == std::string("damaged JPEG") ? ": Premature end of JPEG file" : ""));
  const fs::path huge = folder.write("huge.png", "\x89PNG");
  fs::resize_file(huge, (std::uintmax_t{1} << 28) + 1);
  CHECK(error_of(huge).find("has 268435457 bytes, more than the 268435456 allowed") !=
        std::string::npos);
}

TEST_CASE("EXIF segments") {
  using namespace std::string_literals;
  const std::string little = "Exif\0\0II\x2A\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\x06\0\0\0"s;
  const std::string big = "Exif\0\0MM\0\x2A\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x08\0\0"s;
  struct Row {
    std::string segment;
    int orientation;
  };
  std::vector<Row> table = {{little, 6}, {big, 8}, {"", 1}, {"http://ns.adobe.com/xap/1.0/"s, 1}};
  for (std::size_t size = 0; size < little.size(); ++size)
    table.push_back({little.substr(0, size), 1});
  const auto changed = [&](std::size_t at, char value) {
    std::string segment = little;
    segment[at] = value;
    return segment;
  };
  table.push_back({changed(10, '\x7F'), 1});  // the directory lies outside
  table.push_back({changed(13, '\xFF'), 1});  // far outside
  table.push_back({changed(18, '\x04'), 6});  // a LONG
  table.push_back({changed(18, '\x05'), 1});  // a RATIONAL
  table.push_back({changed(20, '\x02'), 1});  // two numbers
  table.push_back({changed(20, '\x00'), 1});  // none
  table.push_back({changed(24, '\x09'), 1});  // no such orientation
  table.push_back({changed(8, '\x2B'), 1});   // not a TIFF
  for (const Row& row : table) {
    const auto* data = reinterpret_cast<const std::uint8_t*>(row.segment.data());
    CHECK(exif_orientation({data, row.segment.size()}) == row.orientation);
  }
}

TEST_CASE("resizing agrees with Pillow's bilinear filter to one grey level") {
  for (const json& entry : json::parse(read_text(kGolden / "resize.json"))) {
    const Image in = from_hex(entry["in"]), expected = from_hex(entry["out"]);
    CAPTURE(in.height);
    CAPTURE(in.width);
    CAPTURE(expected.height);
    CAPTURE(expected.width);
    CHECK(difference(resize(in, expected.height, expected.width), expected) <= 1);
  }
  CHECK_THROWS_AS(resize(gradient(2, 2), 0, 3), Error);
  CHECK_THROWS_AS(resize(Image{}, 3, 3), Error);
}

TEST_CASE("an image is stretched to a square or padded with black, centred") {
  struct Row {
    std::int64_t height, width, size, top, left, inner_height, inner_width;
  };
  const Row table[] = {{8, 4, 8, 0, 2, 8, 4},  {4, 8, 8, 2, 0, 4, 8},     {16, 10, 8, 0, 1, 8, 5},
                       {3, 3, 9, 0, 0, 9, 9},  {1, 100, 10, 4, 0, 1, 10}, {1, 1, 4, 0, 0, 4, 4},
                       {30, 20, 7, 0, 1, 7, 5}};
  for (const Row& row : table) {
    const Image image = gradient(row.height, row.width);
    CHECK(difference(fit_image(image, row.size, Fit::stretch), resize(image, row.size, row.size)) ==
          0);
    const Image padded = fit_image(image, row.size, Fit::pad);
    const Image inner = resize(image, row.inner_height, row.inner_width);
    Image expected{row.size, row.size,
                   std::vector<std::uint8_t>(static_cast<std::size_t>(row.size * row.size))};
    for (std::int64_t y = 0; y < row.inner_height; ++y)
      for (std::int64_t x = 0; x < row.inner_width; ++x)
        expected.pixels[static_cast<std::size_t>((row.top + y) * row.size + row.left + x)] =
            inner.at(y, x);
    CHECK(difference(padded, expected) == 0);
  }
}

TEST_CASE("a written PNG is read back as it was") {
  const TemporaryFolder folder;
  for (const auto& [height, width] : {std::pair{1, 1}, {1, 300}, {17, 1}, {64, 33}}) {
    const Image image = gradient(height, width);
    write_png(folder.path() / "a.png", image);
    CHECK(difference(read_image(folder.path() / "a.png"), image) == 0);
  }
  const Image image = gradient(2, 2);
  CHECK_THROWS_WITH_AS(write_png(folder.path() / "none" / "a.png", image),
                       doctest::Contains("none/a.png"), Error);
  CHECK_THROWS_AS(write_png(folder.path() / "b.png", Image{}), Error);
}
