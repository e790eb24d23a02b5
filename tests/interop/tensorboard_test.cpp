// TensorBoard's records, read back with their own checksums; scripts/check_tensorboard.py reads a
// run's with TensorBoard itself.
#include "interop/tensorboard.h"

#include <doctest/doctest.h>

#include <cstring>
#include <iterator>
#include <vector>

#include "tests/support/message_of.h"
#include "tests/support/temporary_folder.h"

using namespace osteon;

namespace {

std::uint64_t number(std::string_view bytes) {
  std::uint64_t value = 0;
  for (std::size_t i = bytes.size(); i > 0; --i)
    value = value << 8 | static_cast<std::uint8_t>(bytes[i - 1]);
  return value;
}

std::uint32_t masked(std::string_view bytes) {
  const std::uint32_t crc = crc32c(bytes);
  return (crc >> 15 | crc << 17) + 0xA282EAD8U;
}

// The messages of all records of the one file in a folder.
std::vector<std::string> read_records(const std::filesystem::path& folder) {
  const std::filesystem::path file = std::filesystem::directory_iterator(folder)->path();
  std::ifstream in(file, std::ios::binary);
  const std::string bytes{std::istreambuf_iterator<char>(in), {}};
  std::vector<std::string> records;
  for (std::string_view rest = bytes; !rest.empty();) {
    REQUIRE(rest.size() >= 16);
    const std::size_t length = number(rest.substr(0, 8));
    CHECK(number(rest.substr(8, 4)) == masked(rest.substr(0, 8)));
    REQUIRE(rest.size() >= 16 + length);
    records.emplace_back(rest.substr(12, length));
    CHECK(number(rest.substr(12 + length, 4)) == masked(records.back()));
    rest.remove_prefix(16 + length);
  }
  return records;
}

}  // namespace

TEST_CASE("CRC-32C of RFC 3720's examples") {
  struct Row {
    std::string bytes;
    std::uint32_t crc;
  };
  std::string rising, falling;
  for (int i = 0; i < 32; ++i) {
    rising += static_cast<char>(i);
    falling += static_cast<char>(31 - i);
  }
  for (const Row& row :
       {Row{std::string(32, '\0'), 0x8A9136AA}, Row{std::string(32, '\xFF'), 0x62A8AB43},
        Row{rising, 0x46DD794E}, Row{falling, 0x113FDB5C}, Row{"", 0}})
    CHECK(crc32c(row.bytes) == row.crc);
}

TEST_CASE("records are complete and hold valid protocol buffers") {
  const TemporaryFolder folder;
  {
    TensorBoardWriter writer(folder.path() / "board");
    writer.scalar("val/loss", 0.5, 300);
    writer.image("an image", "file", 2, 3, 1);
  }
  const std::vector<std::string> records = read_records(folder.path() / "board");
  REQUIRE(records.size() == 3);
  const auto after_time = [](const std::string& record) { return record.substr(9); };
  CHECK(after_time(records[0]) ==
        "\x1A\x0D"
        "brain.Event:2");
  // step 300; summary of one value: its tag, and 0.5 as a float.
  CHECK(after_time(records[1]) ==
        std::string("\x10\xAC\x02\x2A\x11\x0A\x0F\x0A\x08val/loss\x15\0\0\0\x3F", 22));
  CHECK(after_time(records[2]) ==
        "\x10\x01\x2A\x1A\x0A\x18\x0A\x08"
        "an image\x22\x0C\x08\x02\x10\x03\x18\x03\x22\x04"
        "file");
}

TEST_CASE("an unwritable folder is named") {
  CHECK(contains(message_of([] { TensorBoardWriter("/proc/board"); }), "/proc/board"));
}
