// One launch over many tensors. Their addresses and sizes are passed by value (CUDA allows 32,764
// bytes of arguments). Thus nothing is uploaded, and a recorded launch can be replayed as long as
// the tensors keep their addresses.
#pragma once

#include <array>
#include <limits>

#include "tensor/cuda/launch.cuh"
#include "tensor/cuda/pack.cuh"

namespace osteon::cuda {

constexpr int kCapacity = 512;                  // items per launch
constexpr std::int64_t kChunk = 16 * kThreads;  // elements of one tensor per block
constexpr std::size_t kMaxArgumentBytes = 32764;

// `lists` tensors for each of `count` items, split into consecutively numbered chunks.
template <int lists>
struct Table {
  void* data[lists][kCapacity];
  std::int64_t numel[kCapacity];
  std::int32_t end[kCapacity];  // one past the item's last chunk
  std::int32_t count;
};
static_assert(sizeof(Table<5>) + 128 <= kMaxArgumentBytes);

// The work of a block: `count` elements starting at `first` of the tensors of `item`.
struct Chunk {
  std::int32_t item;
  std::int64_t first, count;
};

template <int lists>
__device__ Chunk chunk_of_block(const Table<lists>& table) {
  const auto number = static_cast<std::int32_t>(blockIdx.x);
  std::int32_t low = 0,
               high = table.count - 1;  // finds the first item whose end is above number
  while (low < high) {
    const std::int32_t middle = (low + high) / 2;
    if (table.end[middle] > number)
      high = middle;
    else
      low = middle + 1;
  }
  const std::int32_t begin = low == 0 ? 0 : table.end[low - 1];
  const std::int64_t first = (number - begin) * kChunk;
  return {low, first, min(kChunk, table.numel[low] - first)};
}

template <class T, int lists>
__device__ T* start_of(const Table<lists>& table, int list, const Chunk& chunk) {
  return static_cast<T*>(table.data[list][chunk.item]) + chunk.first;
}

// Calls body.operator()<n>(offset) for all elements of the chunk, n = `wide` at a time if all
// addresses are aligned, else one.
template <int wide, class Body, class... Pointers>
__device__ void for_each_pack(const Chunk& chunk, const Body& body, Pointers... pointers) {
  const bool vectorised =
      ((reinterpret_cast<std::uintptr_t>(pointers) | ...) % kMaxAccessBytes) == 0;
  std::int64_t whole = 0;
  if (vectorised) {
    whole = chunk.count / wide * wide;
    for (std::int64_t i = std::int64_t{threadIdx.x} * wide; i < whole; i += blockDim.x * wide)
      body.template operator()<wide>(i);
  }
  for (std::int64_t i = whole + threadIdx.x; i < chunk.count; i += blockDim.x)
    body.template operator()<1>(i);
}

inline std::int64_t elements_of(const Tensor& x) { return x.numel(); }
inline std::int64_t bytes_of(const Tensor& x) { return static_cast<std::int64_t>(x.bytes()); }

// Calls body(table, chunks) for the tensors of several lists. An item has one tensor of each list,
// a table at most kCapacity items. size_of_one(tensor) is its size in elements or bytes.
template <int lists, class Body>
void for_each_table(const std::array<const Tensors*, lists>& tensors,
                    std::int64_t (*size_of_one)(const Tensor&), const Body& body) {
  Table<lists> table{};
  std::int64_t chunks = 0;
  const auto issue = [&] {
    if (table.count > 0) body(table, static_cast<unsigned int>(chunks));
    table.count = 0;
    chunks = 0;
  };
  for (std::size_t i = 0; i < tensors[0]->size(); ++i) {
    const std::int64_t numel = size_of_one((*tensors[0])[i]);
    const std::int64_t more = (numel + kChunk - 1) / kChunk;
    if (table.count == kCapacity || chunks + more > std::numeric_limits<std::int32_t>::max())
      issue();
    for (std::size_t list = 0; list < lists; ++list)
      table.data[list][table.count] = (*tensors[list])[i].raw();
    table.numel[table.count] = numel;
    chunks += more;
    table.end[table.count] = static_cast<std::int32_t>(chunks);
    ++table.count;
  }
  issue();
}

}  // namespace osteon::cuda
