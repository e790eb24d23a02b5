// Fuzzes DICOM files, which read_image recognises by their first bytes, through GDCM.
#include "data/image/image.h"
#include "fuzz/fuzz.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  return osteon::expect_error_or_success(
      [&] { osteon::read_image(osteon::fuzz_file(data, size, ".dcm")); });
}
