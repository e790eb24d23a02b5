// Writes small JPEG files for reports.
#include <stdio.h>
#include <stdlib.h>

#include <csetjmp>
#include <memory>

// jpeglib.h needs size_t and FILE before it.
#include <jpeglib.h>

#include "base/error.h"
#include "data/image/decoders.h"
#include "data/image/image.h"

namespace osteon {
namespace {

// As in jpeg.cpp: libjpeg's error callback must not return, and an exception must not pass through
// C code.
struct Reporter {
  jpeg_error_mgr base;
  std::jmp_buf jump;
};

[[noreturn]] void fail(j_common_ptr compress) {
  std::longjmp(reinterpret_cast<Reporter*>(compress->err)->jump, 1);
}

struct Encoder {
  Reporter reporter{};
  jpeg_compress_struct compress{};
  unsigned char* bytes = nullptr;
  unsigned long size = 0;

  Encoder() {
    compress.err = jpeg_std_error(&reporter.base);
    reporter.base.error_exit = fail;
  }
  Encoder(const Encoder&) = delete;
  Encoder& operator=(const Encoder&) = delete;
  ~Encoder() {
    jpeg_destroy_compress(&compress);
    free(bytes);
  }

  // False if libjpeg fails. This function must have no local object with a destructor.
  bool run(const ColourImage& image, int quality) {
    if (setjmp(reporter.jump) != 0) return false;
    jpeg_create_compress(&compress);
    jpeg_mem_dest(&compress, &bytes, &size);
    compress.image_width = static_cast<JDIMENSION>(image.width);
    compress.image_height = static_cast<JDIMENSION>(image.height);
    compress.input_components = 3;
    compress.in_color_space = JCS_RGB;
    jpeg_set_defaults(&compress);
    jpeg_set_quality(&compress, quality, TRUE);
    compress.optimize_coding = TRUE;
    jpeg_start_compress(&compress, TRUE);
    while (compress.next_scanline < compress.image_height) {
      auto* row = const_cast<JSAMPROW>(image.pixels.data()) +
                  static_cast<std::size_t>(compress.next_scanline) * 3 * compress.image_width;
      jpeg_write_scanlines(&compress, &row, 1);
    }
    jpeg_finish_compress(&compress);
    return true;
  }
};

}  // namespace

std::string encode_jpeg(const ColourImage& image, int quality) {
  check_dimensions(image.height, image.width);
  Encoder encoder;
  OSTEON_CHECK(encoder.run(image, quality), "an image of ", image.height, " x ", image.width,
               " pixels cannot be written as JPEG");
  return {reinterpret_cast<const char*>(encoder.bytes), encoder.size};
}

}  // namespace osteon
