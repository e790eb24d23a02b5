// Reads JPEG with libjpeg-turbo; its warnings are errors.
#include <stdio.h>

#include <csetjmp>
#include <utility>
#include <vector>

// jpeglib.h needs size_t and FILE before it.
#include <jpeglib.h>

#include "base/error.h"
#include "data/image/decoders.h"

namespace osteon {
namespace {

constexpr int kMaxScans = 500;

// libjpeg reports errors through callbacks that must not return. An exception must not cross its C
// code, so the callbacks jump back into Decoder, which throws.
struct Reporter {
  jpeg_error_mgr base;
  std::jmp_buf jump;
  char message[JMSG_LENGTH_MAX];
};

[[noreturn]] void fail(j_common_ptr decompress) {
  auto* reporter = reinterpret_cast<Reporter*>(decompress->err);
  decompress->err->format_message(decompress, reporter->message);
  std::longjmp(reporter->jump, 1);
}

// Level -1 is a warning: libjpeg would fill in corrupt data.
void report(j_common_ptr decompress, int level) {
  if (level < 0) fail(decompress);
}

// A tiny progressive file can demand any number of passes over a large image.
void limit_scans(j_common_ptr decompress) {
  if (reinterpret_cast<j_decompress_ptr>(decompress)->input_scan_number <= kMaxScans) return;
  auto* reporter = reinterpret_cast<Reporter*>(decompress->err);
  std::snprintf(reporter->message, sizeof reporter->message, "more than %d scans", kMaxScans);
  std::longjmp(reporter->jump, 1);
}

// Decodes one file. Each step sets the jump's target anew and keeps no object with a destructor on
// its stack; after a failed step only the destructor may follow.
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

  // Starts decoding, to grey, or to RGB if the luma is to be computed as in Pillow.
  void start(bool grey) {
    if (setjmp(reporter_.jump) != 0) fail_step();
    decompress_.out_color_space = grey ? JCS_GRAYSCALE : JCS_RGB;
    jpeg_start_decompress(&decompress_);
  }

  void read_row(std::uint8_t* row) {
    if (setjmp(reporter_.jump) != 0) fail_step();
    jpeg_read_scanlines(&decompress_, &row, 1);
  }

  // Reads on to the end marker, so that a missing one is an error.
  void finish() {
    if (setjmp(reporter_.jump) != 0) fail_step();
    jpeg_finish_decompress(&decompress_);
  }

  const jpeg_decompress_struct& state() const { return decompress_; }

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

}  // namespace

Image decode_jpeg(Bytes file) {
  Decoder decoder(file);
  decoder.read_header();
  const jpeg_decompress_struct& state = decoder.state();
  check_dimensions(state.image_height, state.image_width);
  const int orientation = orientation_of(state);  // finish() frees the segments
  OSTEON_CHECK(state.num_components != 4, "a CMYK JPEG; convert it to grey or RGB");

  const bool grey = state.jpeg_color_space == JCS_GRAYSCALE;
  decoder.start(grey);
  Image image{state.output_height, state.output_width, {}};
  image.pixels.resize(static_cast<std::size_t>(image.height * image.width));
  std::vector<std::uint8_t> colours(grey ? 0 : static_cast<std::size_t>(image.width) * 3);
  for (std::uint8_t* row = image.pixels.data(); state.output_scanline < state.output_height;
       row += image.width) {
    decoder.read_row(grey ? row : colours.data());
    if (grey) continue;
    const std::uint8_t* colour = colours.data();
    for (std::int64_t x = 0; x < image.width; ++x, colour += 3)
      row[x] = luma(colour[0], colour[1], colour[2]);
  }
  decoder.finish();
  return apply_orientation(std::move(image), orientation);
}

}  // namespace osteon
