// A list of images: quoting, columns, paths, labels and splits.
#include "data/manifest.h"

#include "fuzz/fuzz.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  return osteon::expect_error_or_success(
      [&] { osteon::read_manifest(osteon::fuzz_file(data, size, ".csv"), {.dataset = "csv"}); });
}
