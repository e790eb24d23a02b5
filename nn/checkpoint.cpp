#include "nn/checkpoint.h"

#include "tensor/autograd.h"

namespace osteon {
namespace {

thread_local bool recomputing = false;

class Recomputation {
 public:
  Recomputation() : before_(recomputing) { recomputing = true; }
  ~Recomputation() { recomputing = before_; }
  Recomputation(const Recomputation&) = delete;
  Recomputation& operator=(const Recomputation&) = delete;

 private:
  bool before_;
};

constexpr OpSchema<Module*> kCheckpoint{"checkpoint"};

// The gradients of the parameters are added to them here, and that of x is returned.
Tensors backward_of_module(const Backward& b) {
  Tensor x = b.saved(0).detach();
  x.set_requires_grad(b.needs(0));
  {
    const EnableGrad with_grad;
    const Recomputation second_pass;
    const Tensor y = (*b.attrs<Module*>())(x);
    if (y.requires_grad()) backward(y, b.dy());
  }
  return {b.needs(0) ? x.grad() : Tensor(), zeros({}, DType::f32)};
}

}  // namespace

// The first pass records history, which ends with it: then it chooses the same kernels as the
// second.
Tensor checkpoint(Module& module, const Tensor& x) {
  const Tensor y = module(x).detach();
  // The parameters have no place in the record. A leaf that nobody reads stands for them, or there
  // would be no backward if x needs no gradient.
  Tensor parameters = zeros({}, DType::f32);
  parameters.set_requires_grad(true);
  return record(kCheckpoint, y.view(y.shape()), {x, parameters}, {x}, &module, backward_of_module);
}

bool is_recomputing() { return recomputing; }

}  // namespace osteon
