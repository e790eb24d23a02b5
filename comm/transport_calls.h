// The operations of a group by the calls of its transport, each until it is done.
#pragma once

#include <functional>

#include "comm/transport.h"
#include "tensor/tensor.h"

namespace osteon {

// To be used by one thread.
class TransportCalls {
 public:
  // `wait` is called again and again while an operation is not done.
  TransportCalls(const OsteonTransport& transport, std::function<void()> wait)
      : transport_(transport), wait_(std::move(wait)) {}

  // Copies the first process's bytes to all.
  void broadcast(void* data, std::int64_t bytes) const;
  // x <- sum of all processes' x, as the library adds.
  void sum(const Tensor& x) const;
  // x <- ((x0 + x1) + (x2 + x3)) + ..., for `size` processes, a power of two.
  void tree_sum(const Tensor& x, int rank, int size) const;
  // `all` gets `bytes` bytes of each process, by rank.
  void gather(const void* mine, std::int64_t bytes, void* all) const;

 private:
  void finish(void* operation) const;
  void exchange(const Tensor& give, const Tensor& take, int peer) const;

  const OsteonTransport& transport_;
  const std::function<void()> wait_;
};

}  // namespace osteon
