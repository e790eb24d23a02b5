// The state of a run: JSON without and with its checksum.
#include "train/checksums.h"
#include "train/run_state.h"

#include "fuzz/fuzz.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  return osteon::expect_error_or_success([&] {
    const auto json = nlohmann::ordered_json::parse(data, data + size, nullptr, false);
    osteon::expect_error_or_success([&] { osteon::run_state_from_json(json); });
    osteon::read_checked_json(osteon::fuzz_file(data, size, ".json"), 1'000'000);
  });
}
