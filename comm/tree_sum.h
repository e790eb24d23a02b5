// The sum over a power of two of processes, in which each element is added as a balanced binary
// tree over the ranks: ((x0 + x1) + (x2 + x3)) + ...
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <vector>

namespace osteon {

// x <- the sum of all processes' x, n elements; the same bits in all. All call it; `size` is a
// power of two.
//
// First each process exchanges halves with the neighbour at distance 1, 2, 4, ..., keeps one half
// and adds the neighbour's part to it. The lower rank of a pair keeps the lower half. Each process
// then has the sum of one part, and the exchanges are repeated backwards without adding. A process
// sends 2 (size - 1) / size n elements. Source: Rabenseifner, "Optimization of collective reduction
// operations", ICCS 2004.
//
// `channel.start(peer, send, send_count, receive, receive_count)` starts to send elements to a
// process, which sends some in the same way, and returns what `channel.finish` waits for. Halves
// are exchanged in chunks, so that one is added, from the cache, while the next one arrives.
template <class T, class Channel>
class TreeSum {
 public:
  TreeSum(T* x, std::int64_t n, int rank, int size, Channel& channel,
          std::int64_t chunk = (std::int64_t{1} << 20) / static_cast<std::int64_t>(sizeof(T)))
      : x_(x), rank_(rank), size_(size), chunk_(chunk), channel_(channel), mine_{0, n} {}

  void compute() {
    std::vector<Range> wholes;
    for (int distance = 1; distance < size_; distance *= 2) {
      wholes.push_back(mine_);
      add_half(distance);
    }
    for (int distance = size_ / 2; distance > 0; distance /= 2) {
      const Range other = rest_of(wholes.back());
      channel_.finish(channel_.start(rank_ ^ distance, x_ + mine_.begin, mine_.count(),
                                     x_ + other.begin, other.count()));
      mine_ = wholes.back();
      wholes.pop_back();
    }
  }

 private:
  struct Range {
    std::int64_t begin, end;
    std::int64_t count() const { return end - begin; }
    // Chunk i of this many elements; the last ones are shorter or empty.
    Range part(std::int64_t i, std::int64_t chunk) const {
      return {std::min(begin + i * chunk, end), std::min(begin + (i + 1) * chunk, end)};
    }
  };

  // What `mine_` lacks of a range that begins or ends with it.
  Range rest_of(Range whole) const {
    return mine_.begin == whole.begin ? Range{mine_.end, whole.end}
                                      : Range{whole.begin, mine_.begin};
  }

  void add_half(int distance) {
    const Range whole = mine_;
    const std::int64_t middle = whole.begin + (whole.count() + 1) / 2;
    mine_ = (rank_ & distance) == 0 ? Range{whole.begin, middle} : Range{middle, whole.end};
    const Range given =
        (rank_ & distance) == 0 ? Range{middle, whole.end} : Range{whole.begin, middle};
    const std::int64_t chunks = (middle - whole.begin + chunk_ - 1) / chunk_;  // of the longer half
    std::array<std::vector<T>, 2> received;
    const auto start = [&](std::int64_t i) {
      const Range send = given.part(i, chunk_), receive = mine_.part(i, chunk_);
      std::vector<T>& memory = received[static_cast<std::size_t>(i % 2)];
      memory.resize(std::max(memory.size(), static_cast<std::size_t>(receive.count())));
      return channel_.start(rank_ ^ distance, x_ + send.begin, send.count(), memory.data(),
                            receive.count());
    };
    if (chunks == 0) return;
    auto next = start(0);
    for (std::int64_t i = 0; i < chunks; ++i) {
      channel_.finish(next);
      if (i + 1 < chunks) next = start(i + 1);
      const Range sums = mine_.part(i, chunk_);
      const T* other = received[static_cast<std::size_t>(i % 2)].data();
      // Either operand may be the lower rank's: a + b is b + a.
      for (std::int64_t k = 0; k < sums.count(); ++k) x_[sums.begin + k] += other[k];
    }
  }

  T* const x_;
  const int rank_, size_;
  const std::int64_t chunk_;
  Channel& channel_;
  Range mine_;  // the part that this process has the sum of
};

}  // namespace osteon
