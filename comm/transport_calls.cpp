// Operations in pieces that a library's counts of int can hold, and the sum in the order of a tree.
#include "comm/transport_calls.h"

#include <algorithm>

#include "base/error.h"

namespace osteon {
namespace {

constexpr std::int64_t kMaxPiece = std::int64_t{1} << 27;  // elements

// Calls body(begin, end) for pieces of [0, n).
template <class Body>
void in_pieces(std::int64_t n, const Body& body) {
  for (std::int64_t begin = 0; begin < n; begin += kMaxPiece)
    body(begin, std::min(n, begin + kMaxPiece));
}

std::byte* at(void* data, std::int64_t offset) { return static_cast<std::byte*>(data) + offset; }

int number_of(DType dtype) {
  OSTEON_CHECK(dtype == DType::f32 || dtype == DType::f64, "all_reduce: a tensor in ", dtype,
               "; only f32 and f64 can be summed over processes");
  return dtype == DType::f32 ? kOsteonF32 : kOsteonF64;
}

}  // namespace

void TransportCalls::finish(void* operation) const {
  while (transport_.is_done(operation) == 0) wait_();
}

void TransportCalls::broadcast(void* data, std::int64_t bytes) const {
  in_pieces(bytes, [&](std::int64_t begin, std::int64_t end) {
    finish(transport_.start_broadcast(at(data, begin), end - begin, 0));
  });
}

void TransportCalls::sum(const Tensor& x) const {
  const int number = number_of(x.dtype());
  const auto size = static_cast<std::int64_t>(size_of(x.dtype()));
  in_pieces(x.numel(), [&](std::int64_t begin, std::int64_t end) {
    finish(transport_.start_sum(x.raw() + begin * size, end - begin, number));
  });
}

void TransportCalls::gather(const void* mine, std::int64_t bytes, void* all) const {
  finish(transport_.start_gather(mine, bytes, all));
}

// Both processes send before they receive.
void TransportCalls::exchange(const Tensor& give, const Tensor& take, int peer) const {
  const auto bytes = [](const Tensor& x) { return static_cast<std::int64_t>(x.bytes()); };
  std::vector<void*> operations;
  in_pieces(bytes(take), [&](std::int64_t begin, std::int64_t end) {
    operations.push_back(transport_.start_receive(take.raw() + begin, end - begin, peer));
  });
  in_pieces(bytes(give), [&](std::int64_t begin, std::int64_t end) {
    operations.push_back(transport_.start_send(give.raw() + begin, end - begin, peer));
  });
  for (void* const operation : operations) finish(operation);
}

// Each process keeps half of its range, of which it gets the peer's values, and gives the other
// half away; then the finished parts travel back. The peers are those at distance 1, 2, 4, ..., so
// that each element is added as in the tree. A process sends 2 (size - 1) / size of the bytes.
// Source: Rabenseifner, "Optimization of collective reduction operations", ICCS 2004.
void TransportCalls::tree_sum(const Tensor& x, int rank, int size) const {
  number_of(x.dtype());
  const Tensor flat = x.view({x.numel()});
  std::vector<Tensor> ranges{flat};
  const auto halves = [&](const Tensor& range, int distance) {
    const std::int64_t middle = range.numel() / 2;
    const Tensor lower = range.rows(0, middle), upper = range.rows(middle, range.numel());
    const bool keeps_lower = (rank & distance) == 0;
    return std::pair(keeps_lower ? lower : upper, keeps_lower ? upper : lower);
  };
  for (int distance = 1; distance < size; distance *= 2) {
    const auto [keep, give] = halves(ranges.back(), distance);
    const Tensor taken(keep.shape(), x.dtype());
    exchange(give, taken, rank ^ distance);
    add_(keep, taken);
    ranges.push_back(keep);
  }
  for (int distance = size / 2; distance >= 1; distance /= 2) {
    const Tensor mine = ranges.back();
    ranges.pop_back();
    exchange(mine, halves(ranges.back(), distance).second, rank ^ distance);
  }
}

}  // namespace osteon
