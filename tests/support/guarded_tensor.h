// Tensors whose memory ends, or begins, at a page that cannot be accessed: a kernel that reads or
// writes one element too far ends with a segmentation fault.
#pragma once

#include <sys/mman.h>
#include <unistd.h>

#include <cstdint>
#include <memory>

#include "base/error.h"
#include "tensor/tensor.h"

namespace osteon {

enum class Guard { after, before };

inline Tensor guarded_tensor(const Shape& shape, DType dtype, Guard guard) {
  const auto page = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
  const std::size_t bytes = static_cast<std::size_t>(shape.numel()) * size_of(dtype);
  const std::size_t inner = (bytes + page - 1) / page * page, whole = inner + 2 * page;
  void* const memory = ::mmap(nullptr, whole, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  OSTEON_CHECK(memory != MAP_FAILED, "guarded_tensor: no memory");
  auto* const first = static_cast<std::byte*>(memory) + page;
  OSTEON_CHECK(inner == 0 || ::mprotect(first, inner, PROT_READ | PROT_WRITE) == 0,
               "guarded_tensor: the pages cannot be made accessible");
  const std::shared_ptr<void> owner(memory, [whole](void* end) { ::munmap(end, whole); });
  std::byte* const begin = guard == Guard::after ? first + inner - bytes : first;
  return Tensor(std::make_shared<Storage>(begin, bytes, owner), 0, shape, dtype);
}

}  // namespace osteon
