// Fuzzes images: PNG or JPEG by the first bytes. The mutator changes a PNG inside: a chunk's type
// and data, or the rows under the compression of its image data.
#include <zlib.h>

#include <algorithm>
#include <array>
#include <string_view>

#include "data/image/image.h"
#include "fuzz/fuzz.h"
#include "fuzz/mutate.h"

namespace osteon {
namespace {

constexpr std::array<std::uint8_t, 8> kSignature = {0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n'};
constexpr std::size_t kMaxRowBytes = 1 << 20;

// The bytes of a chunk that its checksum covers: four letters and the data.
using Chunk = FuzzBytes;

bool is_picture_data(const Chunk& chunk) {
  constexpr std::string_view kType = "IDAT";
  return std::equal(kType.begin(), kType.end(), chunk.begin());
}

// The complete chunks; none if the file is not a PNG.
std::vector<Chunk> chunks_of(const FuzzBytes& file) {
  std::vector<Chunk> chunks;
  if (file.size() < kSignature.size() ||
      !std::equal(kSignature.begin(), kSignature.end(), file.begin()))
    return chunks;
  for (auto place = file.begin() + kSignature.size(); file.end() - place >= 12;) {
    const std::ptrdiff_t length = place[0] << 24 | place[1] << 16 | place[2] << 8 | place[3];
    if (length < 0 || length > file.end() - place - 12) break;
    chunks.emplace_back(place + 4, place + 8 + length);
    place += length + 12;
  }
  return chunks;
}

FuzzBytes png_of(const std::vector<Chunk>& chunks) {
  FuzzBytes file(kSignature.begin(), kSignature.end());
  const auto append_u32 = [&file](std::size_t value) {
    for (int shift = 24; shift >= 0; shift -= 8)
      file.push_back(static_cast<std::uint8_t>(value >> shift));
  };
  for (const Chunk& chunk : chunks) {
    append_u32(chunk.size() - 4);
    file.insert(file.end(), chunk.begin(), chunk.end());
    append_u32(::crc32(0, chunk.data(), static_cast<uInt>(chunk.size())));
  }
  return file;
}

FuzzBytes inflated(const FuzzBytes& compressed) {
  FuzzBytes rows(kMaxRowBytes);
  uLongf size = rows.size();
  const int status = ::uncompress(rows.data(), &size, compressed.data(), compressed.size());
  rows.resize(status == Z_OK ? size : 0);
  return rows;
}

// Compresses at any level with any strategy, so that stored, fixed and dynamic blocks all occur.
FuzzBytes deflated(FuzzBytes rows, std::minstd_rand& random) {
  z_stream stream{};
  const int level = static_cast<int>(random() % 10), strategy = static_cast<int>(random() % 5);
  ::deflateInit2(&stream, level, Z_DEFLATED, 15, 8, strategy);
  FuzzBytes compressed(::deflateBound(&stream, rows.size()));
  stream.next_in = rows.data();
  stream.avail_in = static_cast<uInt>(rows.size());
  stream.next_out = compressed.data();
  stream.avail_out = static_cast<uInt>(compressed.size());
  ::deflate(&stream, Z_FINISH);
  compressed.resize(stream.total_out);
  ::deflateEnd(&stream);
  return compressed;
}

// Changes the rows but not their number, and writes them as one chunk in the place of the first
// one.
void change_rows(std::vector<Chunk>& chunks, std::minstd_rand& random) {
  FuzzBytes compressed;
  for (const Chunk& chunk : chunks)
    if (is_picture_data(chunk)) compressed.insert(compressed.end(), chunk.begin() + 4, chunk.end());
  FuzzBytes rows = inflated(compressed);
  const std::size_t size = rows.size();
  mutate_part(rows);
  rows.resize(size);
  compressed = deflated(std::move(rows), random);

  const auto first = std::ranges::find_if(chunks, is_picture_data);
  chunks.erase(std::remove_if(first + 1, chunks.end(), is_picture_data), chunks.end());
  first->resize(4);
  first->insert(first->end(), compressed.begin(), compressed.end());
}

FuzzBytes change_png(const FuzzBytes& file, std::minstd_rand& random) {
  std::vector<Chunk> chunks = chunks_of(file);
  if (chunks.empty()) return {};
  Chunk& chunk = chunks[random() % chunks.size()];
  if (is_picture_data(chunk)) {
    change_rows(chunks, random);
  } else {
    mutate_part(chunk);
    chunk.resize(std::max<std::size_t>(chunk.size(), 4));
  }
  return png_of(chunks);
}

}  // namespace
}  // namespace osteon

extern "C" std::size_t LLVMFuzzerCustomMutator(std::uint8_t* data, std::size_t size,
                                               std::size_t max_size, unsigned seed) {
  return osteon::mutate_file(data, size, max_size, seed, osteon::change_png);
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  return osteon::expect_error_or_success(
      [&] { osteon::read_image(osteon::fuzz_file(data, size, ".png")); });
}
