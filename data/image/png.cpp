// PNG: structure and checksums are verified here, because stb_image verifies neither; stb_image
// then decodes the verified file. stb_image_write writes.
#include <zlib.h>

#include <algorithm>
#include <array>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/file.h"
#include "data/image/decoders.h"

#define STB_IMAGE_IMPLEMENTATION
#define STB_IMAGE_STATIC
#define STBI_ONLY_PNG
#define STBI_NO_STDIO
#include <stb_image.h>

#define STB_IMAGE_WRITE_IMPLEMENTATION
#define STB_IMAGE_WRITE_STATIC
#define STBI_WRITE_NO_STDIO
#include <stb_image_write.h>

namespace osteon {
namespace {

constexpr std::size_t kSignatureBytes = 8, kChunkFrameBytes = 12, kPaletteColours = 256;

std::uint32_t read_u32(Bytes bytes) {
  return std::uint32_t{bytes[0]} << 24 | std::uint32_t{bytes[1]} << 16 |
         std::uint32_t{bytes[2]} << 8 | std::uint32_t{bytes[3]};
}

struct Chunk {
  std::string_view type;
  Bytes data;
  bool is_verified = true;  // by its CRC
};

constexpr std::string_view kImageData = "IDAT";

// Adds a warning of a fault that leaves the pixels complete, up to a maximum, because a damaged
// file can have any number of faults.
void warn(std::vector<std::string>& warnings, std::string text) {
  constexpr std::size_t kMaxWarnings = 4;
  if (warnings.size() < kMaxWarnings) warnings.push_back(std::move(text));
}

// Returns all chunks up to and including the end chunk. Verifies lengths and CRCs. A wrong one is
// an error before the image data, and a warning from there on: the image data has its own checksum,
// which is verified later.
std::vector<Chunk> read_chunks(Bytes file, std::vector<std::string>& warnings) {
  std::vector<Chunk> chunks;
  std::size_t position = kSignatureBytes;
  bool has_image_data = false;
  do {
    Bytes rest = file.subspan(position);
    OSTEON_CHECK(has_image_data || rest.size() >= kChunkFrameBytes, "the PNG ends early");
    if (rest.size() < kChunkFrameBytes - 4) {
      warn(warnings, "the PNG has no end chunk");
      break;
    }
    std::size_t length = read_u32(rest);
    const auto* type = reinterpret_cast<const char*>(rest.data() + 4);
    has_image_data = has_image_data || std::string_view(type, 4) == kImageData;
    if (rest.size() < kChunkFrameBytes || length > rest.size() - kChunkFrameBytes) {
      OSTEON_CHECK(has_image_data, "the PNG ends early");
      warn(warnings, format("the PNG ends within the chunk at byte ", position));
      length = std::min(length, rest.size() - (kChunkFrameBytes - 4));
      chunks.push_back({{type, 4}, rest.subspan(8, length), false});
      break;
    }
    const Bytes typed_data = rest.subspan(4, 4 + length);
    const uLong crc = ::crc32(0, typed_data.data(), static_cast<uInt>(typed_data.size()));
    const bool is_verified = crc == read_u32(rest.subspan(8 + length));
    if (!is_verified) {
      OSTEON_CHECK(has_image_data, "damaged PNG: wrong checksum of the chunk at byte ", position);
      warn(warnings, format("wrong checksum of the PNG's chunk at byte ", position));
    }
    chunks.push_back({{type, 4}, typed_data.subspan(4), is_verified});
    position += kChunkFrameBytes + length;
  } while (chunks.back().type != "IEND");
  return chunks;
}

// Whether a decoder may skip the chunk: its first letter is lower-case.
bool is_ancillary(std::string_view type) { return (type[0] & 0x20) != 0; }

struct Header {
  std::uint32_t width, height;
  int depth, colour_type;
  bool interlaced;

  int channels() const {
    return std::array{1, 0, 3, 1, 2, 0, 4}[static_cast<std::size_t>(colour_type)];
  }
};

Header read_header(const Chunk& chunk) {
  OSTEON_CHECK(chunk.type == "IHDR" && chunk.data.size() == 13, "damaged PNG: no header");
  const Header header{read_u32(chunk.data), read_u32(chunk.data.subspan(4)), chunk.data[8],
                      chunk.data[9], chunk.data[12] == 1};
  check_dimensions(header.height, header.width);
  const auto any_of = [](int value, std::initializer_list<int> allowed) {
    return std::ranges::find(allowed, value) != allowed.end();
  };
  const bool valid = header.colour_type == 0 ? any_of(header.depth, {1, 2, 4, 8, 16})
                     : header.colour_type == 3
                         ? any_of(header.depth, {1, 2, 4, 8})
                         : any_of(header.colour_type, {2, 4, 6}) && any_of(header.depth, {8, 16});
  OSTEON_CHECK(valid && chunk.data[10] == 0 && chunk.data[11] == 0 && chunk.data[12] <= 1,
               "damaged PNG: colour type ", header.colour_type, " with ", header.depth, " bits");
  return header;
}

// Uncompressed bytes of a pass of that size. A byte with the filter's number precedes each row.
std::size_t pass_bytes(const Header& header, std::size_t width, std::size_t height) {
  const auto bits =
      static_cast<std::size_t>(header.channels()) * static_cast<std::size_t>(header.depth);
  return width == 0 ? 0 : height * (1 + (width * bits + 7) / 8);
}

std::size_t raw_bytes(const Header& header) {
  if (!header.interlaced) return pass_bytes(header, header.width, header.height);
  struct Pass {
    std::size_t x, y, step_x, step_y;
  };
  constexpr Pass kAdam7[] = {{0, 0, 8, 8}, {4, 0, 8, 8}, {0, 4, 4, 8}, {2, 0, 4, 4},
                             {0, 2, 2, 4}, {1, 0, 2, 2}, {0, 1, 1, 2}};
  std::size_t total = 0;
  for (const Pass& pass : kAdam7)
    total += pass_bytes(header, (header.width + pass.step_x - 1 - pass.x) / pass.step_x,
                        (header.height + pass.step_y - 1 - pass.y) / pass.step_y);
  return total;
}

// Inflates the image data only to verify it: zlib verifies the Adler-32, and the number of bytes
// must match the size of the image.
class ImageDataCheck {
 public:
  explicit ImageDataCheck(std::size_t expected_bytes) : expected_(expected_bytes) {
    OSTEON_CHECK(::inflateInit(&stream_) == Z_OK, "zlib cannot start");
  }
  ImageDataCheck(const ImageDataCheck&) = delete;
  ImageDataCheck& operator=(const ImageDataCheck&) = delete;
  ~ImageDataCheck() { ::inflateEnd(&stream_); }

  void add(Bytes compressed) {
    stream_.next_in = const_cast<Bytef*>(compressed.data());
    stream_.avail_in = static_cast<uInt>(compressed.size());
    while (stream_.avail_in > 0 && !ended_ && produced_ <= expected_) {
      stream_.next_out = buffer_.data();
      stream_.avail_out = static_cast<uInt>(buffer_.size());
      const int status = ::inflate(&stream_, Z_NO_FLUSH);
      OSTEON_CHECK(status == Z_OK || status == Z_STREAM_END, "damaged PNG: image data: ",
                   stream_.msg != nullptr ? stream_.msg : ::zError(status));
      ended_ = status == Z_STREAM_END;
      produced_ += buffer_.size() - stream_.avail_out;
    }
  }

  // Throws Error unless the image data is complete and confirmed by a checksum: its own, or the CRC
  // of each chunk. Returns whether there are no surplus bytes and its own checksum is right.
  bool finish(bool has_crc, std::vector<std::string>& warnings) const {
    OSTEON_CHECK(produced_ >= expected_, "the PNG's image data ends early");
    OSTEON_CHECK(has_crc || (produced_ == expected_ && ended_),
                 "damaged PNG: neither the checksum of the image data nor the CRCs of its chunks "
                 "confirm it");
    if (produced_ > expected_)
      warn(warnings, "the PNG has more image data than pixels");
    else if (!ended_)
      warn(warnings, "the PNG's image data has no checksum");
    return produced_ == expected_ && ended_;
  }

 private:
  z_stream stream_{};
  std::array<Bytef, 32768> buffer_;
  std::size_t expected_, produced_ = 0;
  bool ended_ = false;
};

// The consecutive chunks of image data.
std::span<const Chunk> image_chunks(const std::vector<Chunk>& chunks) {
  const auto is_image_data = [](const Chunk& chunk) { return chunk.type == kImageData; };
  const auto first = std::ranges::find_if(chunks, is_image_data);
  return {first, std::find_if_not(first, chunks.end(), is_image_data)};
}

// Verifies the order of the chunks and the image data; returns whether the image data can be
// decoded as it is.
bool verify(const std::vector<Chunk>& chunks, const Header& header,
            std::vector<std::string>& warnings) {
  bool has_palette = false, has_image_data = false;
  for (std::size_t i = 1; i < chunks.size(); ++i) {
    const Chunk& chunk = chunks[i];
    if (chunk.type == kImageData) {
      OSTEON_CHECK(has_palette || header.colour_type != 3, "damaged PNG: no palette");
      if (has_image_data && chunks[i - 1].type != kImageData)
        warn(warnings, "the PNG has image data in two places");
      has_image_data = true;
    } else if (chunk.type == "PLTE" && !has_image_data) {
      OSTEON_CHECK(!has_palette && chunk.data.size() % 3 == 0 && !chunk.data.empty() &&
                       chunk.data.size() <= kPaletteColours * 3,
                   "damaged PNG: wrong palette");
      has_palette = true;
    } else if (!is_ancillary(chunk.type) && chunk.type != "IEND") {
      warn(warnings, "the PNG has an unknown critical chunk");
    }
  }
  ImageDataCheck image_data(raw_bytes(header));
  const std::span<const Chunk> parts = image_chunks(chunks);
  for (const Chunk& chunk : parts) image_data.add(chunk.data);
  return image_data.finish(std::ranges::all_of(parts, &Chunk::is_verified), warnings);
}

// The image data without surplus, compressed again. stb_image would inflate a surplus of any size.
std::vector<std::uint8_t> without_surplus(std::span<const Chunk> image_data, std::size_t expected) {
  std::vector<std::uint8_t> compressed;
  for (const Chunk& chunk : image_data)
    compressed.insert(compressed.end(), chunk.data.begin(), chunk.data.end());
  std::vector<std::uint8_t> raw(expected);
  z_stream stream{};
  OSTEON_CHECK(::inflateInit(&stream) == Z_OK, "zlib cannot start");
  stream.next_in = compressed.data();
  stream.avail_in = static_cast<uInt>(compressed.size());
  stream.next_out = raw.data();
  stream.avail_out = static_cast<uInt>(raw.size());
  ::inflate(&stream, Z_SYNC_FLUSH);
  ::inflateEnd(&stream);
  uLongf size = ::compressBound(raw.size());
  compressed.resize(size);
  OSTEON_CHECK(::compress2(compressed.data(), &size, raw.data(), raw.size(), Z_BEST_SPEED) == Z_OK,
               "zlib cannot compress");
  compressed.resize(size);
  return compressed;
}

// Appends a chunk without its checksum, which stb_image skips.
void append_chunk(std::vector<std::uint8_t>& file, std::string_view type, Bytes data) {
  for (int shift = 24; shift >= 0; shift -= 8)
    file.push_back(static_cast<std::uint8_t>(data.size() >> shift));
  file.insert(file.end(), type.begin(), type.end());
  file.insert(file.end(), data.begin(), data.end());
  file.insert(file.end(), 4, 0);
}

// Returns a file of the same image that is safe for stb_image. stb_image reads colours beyond the
// end of the palette from uninitialised memory. Therefore the palette is extended to 256 colours by
// black ones, and alpha marks the original ones. stb_image copies from a null pointer for an empty
// chunk of image data. Therefore such chunks are dropped. Other chunks are dropped too, because no
// grey level depends on them.
std::vector<std::uint8_t> prepare(Bytes file, const std::vector<Chunk>& chunks,
                                  const Header& header, bool is_clean) {
  std::vector<std::uint8_t> prepared(file.begin(), file.begin() + kSignatureBytes);
  prepared.reserve(file.size() + kPaletteColours * 4 + kChunkFrameBytes);
  append_chunk(prepared, "IHDR", chunks.front().data);
  if (header.colour_type == 3) {
    const Bytes colours = std::ranges::find(chunks, "PLTE", &Chunk::type)->data;
    std::vector<std::uint8_t> palette(colours.begin(), colours.end());
    palette.resize(kPaletteColours * 3);
    std::vector<std::uint8_t> alpha(kPaletteColours);
    std::fill_n(alpha.begin(), colours.size() / 3, std::uint8_t{255});
    append_chunk(prepared, "PLTE", palette);
    append_chunk(prepared, "tRNS", alpha);
  }
  const std::span<const Chunk> image_data = image_chunks(chunks);
  if (!is_clean)
    append_chunk(prepared, kImageData, without_surplus(image_data, raw_bytes(header)));
  else
    for (const Chunk& chunk : image_data)
      if (!chunk.data.empty()) append_chunk(prepared, kImageData, chunk.data);
  append_chunk(prepared, "IEND", {});
  return prepared;
}

struct FreeStbi {
  void operator()(void* pixels) const { stbi_image_free(pixels); }
};

constexpr std::uint8_t to_8_bit(std::uint8_t level) { return level; }
constexpr std::uint8_t to_8_bit(std::uint16_t level) {
  return static_cast<std::uint8_t>((level * 255u + 32895) >> 16);  // round(level / 257)
}

// Decodes with `load`, which is stbi_load_from_memory or its 16-bit version, and converts to grey.
// With a palette, alpha 0 marks a colour outside of it.
template <class Level>
Image decode_levels(Bytes file, bool has_palette,
                    Level* (*load)(const stbi_uc*, int, int*, int*, int*, int)) {
  int width = 0, height = 0, channels = 0;
  const std::unique_ptr<Level, FreeStbi> pixels(
      load(file.data(), static_cast<int>(file.size()), &width, &height, &channels, 0));
  OSTEON_CHECK(pixels != nullptr, "damaged PNG: ", stbi_failure_reason());
  Image image{height, width, {}};
  image.pixels.resize(static_cast<std::size_t>(image.height * image.width));
  const Level* level = pixels.get();
  bool is_outside = false;
  for (std::uint8_t& grey : image.pixels) {
    grey = channels < 3 ? to_8_bit(level[0])
                        : luma(to_8_bit(level[0]), to_8_bit(level[1]), to_8_bit(level[2]));
    is_outside = is_outside || (has_palette && level[3] == 0);
    level += channels;
  }
  if (is_outside) image.warnings.push_back("the PNG has colours outside the palette");
  return image;
}

// Some programs write the prefix "Exif" of JPEG before the TIFF header.
int orientation_of(const std::vector<Chunk>& chunks) {
  const auto exif = std::ranges::find(chunks, "eXIf", &Chunk::type);
  if (exif == chunks.end()) return 1;
  const int orientation = exif_orientation(exif->data);
  return orientation != 1 ? orientation : tiff_orientation(exif->data);
}

}  // namespace

Image decode_png(Bytes file) {
  std::vector<std::string> warnings;
  const std::vector<Chunk> chunks = read_chunks(file, warnings);
  const Header header = read_header(chunks.front());
  const bool is_clean = verify(chunks, header, warnings);
  const std::vector<std::uint8_t> prepared = prepare(file, chunks, header, is_clean);
  Image image =
      header.depth == 16
          ? decode_levels<stbi_us>(prepared, false, stbi_load_16_from_memory)
          : decode_levels<stbi_uc>(prepared, header.colour_type == 3, stbi_load_from_memory);
  image.warnings.insert(image.warnings.begin(), warnings.begin(), warnings.end());
  return apply_orientation(std::move(image), orientation_of(chunks));
}

namespace {

void write_png(const std::filesystem::path& path, std::int64_t height, std::int64_t width,
               int channels, const std::uint8_t* pixels) {
  check_dimensions(height, width);
  std::string file;
  const auto append = [](void* context, void* data, int size) {
    static_cast<std::string*>(context)->append(static_cast<const char*>(data),
                                               static_cast<std::size_t>(size));
  };
  const int columns = static_cast<int>(width), rows = static_cast<int>(height);
  OSTEON_CHECK(
      stbi_write_png_to_func(append, &file, columns, rows, channels, pixels, channels * columns),
      path.string(), ": the PNG encoder is out of memory");
  write_file_atomically(path, file);
}

}  // namespace

void write_png(const std::filesystem::path& path, const Image& image) {
  write_png(path, image.height, image.width, 1, image.pixels.data());
}

void write_png(const std::filesystem::path& path, const ColourImage& image) {
  write_png(path, image.height, image.width, 3, image.pixels.data());
}

}  // namespace osteon
