// With these functions a test changes the emulated devices, and lets calls fail as they may on a
// real one.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

namespace cuda_emulator {

// The devices cuda:0, cuda:1 and so on, by their product names: "GTX 1080", which no build has code
// for, "T4", "A100", "RTX 4090", "H100". At the beginning there is one H100, or as many as the
// environment variable OSTEON_EMULATED_DEVICES says.
void set_devices(const std::vector<std::string>& names);
// The memory of every device; nullopt: as much as its product has.
void set_device_bytes(std::optional<std::size_t> bytes);
// 12040 is CUDA 12.4; 0 means that there is no driver.
void set_driver_version(int version);

// When the work of a stream is done. A device is free to choose any order that events allow, so
// results must be the same in all of them. The environment variable OSTEON_EMULATED_ORDER (the
// name of an enumerator) sets it for a whole test.
enum class Order {
  immediate,  // when it is issued
  late,       // when the host waits for it, or a stream that the host waits for
  early,      // the first stream as with `late`; the others run ahead as far as events allow
};
void set_order(Order order);

// Whether allocations follow each other without a gap, as those of a device may.
void set_adjacent(bool adjacent);

// The call number `which` from now (0: the next) of cudaMalloc or cudaMallocHost finds no memory;
// nullopt: none. Returns the number of calls since this function was called last.
int fail_allocation(std::optional<int> which);

// After so many more sums over processes NCCL reports that a connection has failed; nullopt: never.
void fail_sums(std::optional<int> after);

// Execution of this configuration of every cuDNN graph fails; nullopt: none.
void fail_configuration(std::optional<int> which);

// From now on nothing is computed or copied (copies to the host give zeros), and memory is only
// counted. For counts at sizes that are too large for a CPU. Process-wide, before the first call.
void set_dry(bool dry);

}  // namespace cuda_emulator
