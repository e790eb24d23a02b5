// Replaces tensor/cuda in a build without CUDA. No tensor can be on a CUDA device there.
#include "tensor/cuda/allocator.h"
#include "tensor/cuda/elements.h"
#include "tensor/cuda/repeated_work.h"
#include "tensor/cuda/transfer.h"
#include "tensor/cuda/upload.h"

namespace osteon::cuda {
namespace {

[[noreturn]] void refuse(const Device& device) { throw Error(why_unavailable(device)); }

}  // namespace

std::string why_unavailable(const Device& device) {
  return format("device ", device, ": this build has no CUDA back end; use the device cpu");
}

int device_count() { return 0; }
std::size_t free_bytes(const Device& device) { refuse(device); }
std::string describe(const Device& device) { refuse(device); }
void require_bf16(const std::string&, const Device& device) { refuse(device); }
std::shared_ptr<void> allocate(std::size_t, const Device& device) { refuse(device); }
MemoryStatistics memory_statistics(const Device& device) { refuse(device); }
void reset_peak_memory(const Device& device) { refuse(device); }
void transfer(const Tensor& x, const Tensor& source) {
  refuse(x.device().is_cuda() ? x.device() : source.device());
}
void fill(const Tensor& x, double) { refuse(x.device()); }
void copy(const Tensor& x, const Tensor&) { refuse(x.device()); }
void copy(const Tensors& x, const Tensors&) { refuse(x[0].device()); }
void add(const Tensor& x, const Tensor&) { refuse(x.device()); }

class Arena {};
std::shared_ptr<Arena> make_arena(const Device& device) { refuse(device); }
ArenaScope::ArenaScope(std::shared_ptr<Arena>) {}
ArenaScope::~ArenaScope() = default;
std::shared_ptr<Arena> default_arena(const Device& device) { refuse(device); }
struct RepeatedWork::State {};
RepeatedWork::RepeatedWork(const Device& device, std::string, Function, Options) { refuse(device); }
Tensors RepeatedWork::operator()(const Tensors&) { return {}; }
Upload::Upload(const Device& device) { refuse(device); }
Tensors Upload::operator()(const Tensors& sources) { return sources; }
Downloads::Downloads(const Device& device) { refuse(device); }
void Downloads::issue(const Tensors&) {}
Tensors Downloads::take() { return {}; }

}  // namespace osteon::cuda
