// Fuzzes the state of a run: JSON without and with its checksum.
#include "base/checksums.h"
#include "base/json.h"
#include "train/run/state.h"

#include "fuzz/fuzz.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  return osteon::expect_error_or_success([&] {
    osteon::expect_error_or_success([&] {
      const std::string_view text(reinterpret_cast<const char*>(data), size);
      osteon::run_state_from_json(osteon::parse_json(text), "auroc");
    });
    osteon::read_checked_json(osteon::fuzz_file(data, size, ".json"), 1'000'000);
  });
}
