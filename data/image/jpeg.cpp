// Reads JPEG with libjpeg-turbo. Its warnings about missing image data are errors here.
#include <stdio.h>

#include <csetjmp>
#include <string>
#include <utility>
#include <vector>

// jpeglib.h needs size_t and FILE before it.
#include <jpeglib.h>

#include <jerror.h>

#include "base/error.h"
#include "data/image/decoders.h"

namespace osteon {
namespace {

constexpr int kMaxScans = 500;

// libjpeg reports errors through callbacks that must not return. An exception must not pass through
// its C code, so the callbacks jump back into Decoder, which throws.
struct Reporter {
  jpeg_error_mgr base;
  std::jmp_buf jump;
  char message[JMSG_LENGTH_MAX];
  char warning[JMSG_LENGTH_MAX];  // the first; empty if there is none
};

[[noreturn]] void fail(j_common_ptr decompress) {
  auto* reporter = reinterpret_cast<Reporter*>(decompress->err);
  decompress->err->format_message(decompress, reporter->message);
  std::longjmp(reporter->jump, 1);
}

// Level -1 is a warning. If the file or its image data ends early, libjpeg only warns and makes the
// missing pixels grey; here that is an error.
void report(j_common_ptr common, int level) {
  if (level >= 0) return;
  const int code = common->err->msg_code;
  const int marker = reinterpret_cast<j_decompress_ptr>(common)->unread_marker;
  if (code == JWRN_JPEG_EOF || (code == JWRN_HIT_MARKER && marker == JPEG_EOI)) fail(common);
  auto* reporter = reinterpret_cast<Reporter*>(common->err);
  if (reporter->warning[0] == '\0') common->err->format_message(common, reporter->warning);
}

// A tiny progressive file can demand any number of passes over a large image.
void limit_scans(j_common_ptr decompress) {
  if (reinterpret_cast<j_decompress_ptr>(decompress)->input_scan_number <= kMaxScans) return;
  auto* reporter = reinterpret_cast<Reporter*>(decompress->err);
  std::snprintf(reporter->message, sizeof reporter->message, "more than %d scans", kMaxScans);
  std::longjmp(reporter->jump, 1);
}

// Decodes one file. Each step sets the jump target again and has no local object with a destructor.
// After a failed step only the destructor may be called.
class Decoder {
 public:
  explicit Decoder(Bytes file) : file_(file) {
    decompress_.err = jpeg_std_error(&reporter_.base);
    reporter_.base.error_exit = fail;
    reporter_.base.emit_message = report;
    progress_.progress_monitor = limit_scans;
    if (setjmp(reporter_.jump) != 0) fail_step();
    jpeg_create_decompress(&decompress_);
    decompress_.progress = &progress_;
  }
  Decoder(const Decoder&) = delete;
  Decoder& operator=(const Decoder&) = delete;
  ~Decoder() { jpeg_destroy_decompress(&decompress_); }

  void read_header() {
    if (setjmp(reporter_.jump) != 0) fail_step();
    jpeg_mem_src(&decompress_, file_.data(), file_.size());
    jpeg_save_markers(&decompress_, JPEG_APP0 + 1, 0xFFFF);
    jpeg_read_header(&decompress_, TRUE);
  }

  // Sets the colour space of the file, which libjpeg would otherwise guess.
  void set_colours(J_COLOR_SPACE colours) { decompress_.jpeg_color_space = colours; }

  // Starts decoding to grey, CMYK or RGB. libjpeg does not convert to grey, because luma() does it
  // as
  // Pillow does.
  void start() {
    if (setjmp(reporter_.jump) != 0) fail_step();
    decompress_.out_color_space = decompress_.num_components == 1   ? JCS_GRAYSCALE
                                  : decompress_.num_components == 4 ? JCS_CMYK
                                                                    : JCS_RGB;
    jpeg_start_decompress(&decompress_);
  }

  void read_row(std::uint8_t* row) {
    if (setjmp(reporter_.jump) != 0) fail_step();
    jpeg_read_scanlines(&decompress_, &row, 1);
  }

  // Reads up to the end marker, so that a missing one is an error.
  void finish() {
    if (setjmp(reporter_.jump) != 0) fail_step();
    jpeg_finish_decompress(&decompress_);
  }

  const jpeg_decompress_struct& state() const { return decompress_; }
  std::string warning() const { return reporter_.warning; }

 private:
  [[noreturn]] void fail_step() const { throw Error(format("damaged JPEG: ", reporter_.message)); }

  Bytes file_;
  Reporter reporter_{};
  jpeg_progress_mgr progress_{};
  jpeg_decompress_struct decompress_{};
};

int orientation_of(const jpeg_decompress_struct& state) {
  for (auto marker = state.marker_list; marker != nullptr; marker = marker->next) {
    const int orientation = exif_orientation({marker->data, marker->data_length});
    if (orientation != 1) return orientation;
  }
  return 1;
}

// As Pillow, takes CMYK to be inverted, as Adobe stores it: 255 means no ink.
std::uint8_t luma_of_cmyk(const std::uint8_t* inverted) {
  const std::uint32_t light = inverted[3];
  const auto channel = [&](int i) {
    const std::uint32_t product = (255U - inverted[i]) * light + 128;  // of ink and light
    return light - (((product >> 8) + product) >> 8);
  };
  return luma(channel(0), channel(1), channel(2));
}

// Reduces a row of three or four channels to grey.
void reduce(const std::uint8_t* colour, int channels, std::uint8_t* row, std::int64_t width) {
  if (channels == 4)
    for (std::int64_t x = 0; x < width; ++x) row[x] = luma_of_cmyk(colour + 4 * x);
  else
    for (std::int64_t x = 0; x < width; ++x, colour += 3)
      row[x] = luma(colour[0], colour[1], colour[2]);
}

Image decode(Decoder& decoder) {
  decoder.start();
  const jpeg_decompress_struct& state = decoder.state();
  Image image{state.output_height, state.output_width, {}};
  image.pixels.resize(static_cast<std::size_t>(image.height * image.width));
  const int channels = state.output_components;
  std::vector<std::uint8_t> colours(
      channels == 1 ? 0 : static_cast<std::size_t>(image.width * channels));
  for (std::uint8_t* row = image.pixels.data(); state.output_scanline < state.output_height;
       row += image.width) {
    decoder.read_row(channels == 1 ? row : colours.data());
    if (channels != 1) reduce(colours.data(), channels, row, image.width);
  }
  decoder.finish();
  if (const std::string warning = decoder.warning(); !warning.empty())
    image.warnings.push_back("JPEG: " + warning);
  return image;
}

}  // namespace

Image decode_jpeg(Bytes file) {
  Decoder decoder(file);
  decoder.read_header();
  check_dimensions(decoder.state().image_height, decoder.state().image_width);
  const int orientation = orientation_of(decoder.state());  // decode() frees the segments
  return apply_orientation(decode(decoder), orientation);
}

Image decode_jpeg_frame(Bytes stream, bool is_luminance_first) {
  Decoder decoder(stream);
  decoder.read_header();
  check_dimensions(decoder.state().image_height, decoder.state().image_width);
  if (decoder.state().num_components == 3)
    decoder.set_colours(is_luminance_first ? JCS_YCbCr : JCS_RGB);
  return decode(decoder);
}

}  // namespace osteon
