// Fuzzes the pickle without its archive, whose checksums would stop the fuzzer.
#include "interop/pickle_machine.h"

#include "fuzz/fuzz.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  return osteon::expect_error_or_success([&] {
    osteon::PickleMachine().run({reinterpret_cast<const char*>(data), size});
  });
}
