// The division of batches into shards: equal slices, in order, each of which one process computes
// as a batch of its own. A process may have several of them.
#pragma once

#include <cstdint>

namespace osteon {

// The shards [first, first + count) of `total`.
struct Shards {
  std::int64_t total = 1, first = 0, count = 1;
};

struct Rows {
  std::int64_t begin = 0, end = 0;
};

// The rows of a batch of so many rows that belong to a shard. The shards of a smaller last batch
// differ by one row at most.
constexpr Rows rows_of_shard(std::int64_t rows, std::int64_t shard, std::int64_t total) {
  return {rows * shard / total, rows * (shard + 1) / total};
}

}  // namespace osteon
