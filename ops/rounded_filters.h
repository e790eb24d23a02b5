// Filters of convolutions in bf16, for the steps of a model on a CUDA device.
//
// Parameters are f32 (nn/layers.h), but cuDNN multiplies bf16 images by bf16 filters. Without this,
// each convolution rounds its filters itself, and again for its data gradient: a hundred small
// launches in a step of a ResNet50. In a scope, one launch rounds the filters of all convolutions
// that used the set before, as soon as the first of them needs its own; backward finds them
// rounded.
#pragma once

#include <memory>

#include "tensor/tensor.h"

namespace osteon {

class RoundedFilters {
 public:
  RoundedFilters();
  ~RoundedFilters();
  RoundedFilters(RoundedFilters&& other) noexcept;
  RoundedFilters& operator=(RoundedFilters&&) = delete;

  // During its lifetime the convolutions of this thread on a CUDA device take their filters from
  // the set (null: they round them themselves). When it begins, all are out of date; later, those
  // whose version has changed. So a recorded step (tensor/cuda/graph.h) that contains the scope
  // rounds them in each replay. The copies keep their addresses as long as the filters exist.
  class Copies;
  class Scope {
   public:
    explicit Scope(RoundedFilters* set);
    ~Scope();
    Scope(const Scope&) = delete;
    Scope& operator=(const Scope&) = delete;

   private:
    [[maybe_unused]] Copies* before_;  // not used in a build without CUDA
  };

 private:
  std::unique_ptr<Copies> copies_;
};

}  // namespace osteon
