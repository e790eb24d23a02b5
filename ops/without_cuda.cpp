// Replaces ops/cuda in a build without CUDA. No op reaches it: opening a CUDA device already
// throws.
#include "ops/backend.h"
#include "ops/convolution/tuning.h"
#include "ops/kernels.h"
#include "ops/rounded_filters.h"

namespace osteon {

void export_tuning(const std::filesystem::path& path, const Device&) {
  convolution::export_choices(path);
}
std::size_t import_tuning(const std::filesystem::path& path, const Device&) {
  return convolution::import_choices(path);
}
void rehearse(const Device&, const std::function<void()>&) {}
bool cuda::computes_attention(const Tensor&, const Tensor&, double) { return false; }

class RoundedFilters::Copies {};
RoundedFilters::RoundedFilters() = default;
RoundedFilters::RoundedFilters(RoundedFilters&&) noexcept = default;
RoundedFilters::~RoundedFilters() = default;
RoundedFilters::Scope::Scope(RoundedFilters*) : before_(nullptr) {}
RoundedFilters::Scope::~Scope() = default;

}  // namespace osteon
