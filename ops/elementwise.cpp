// Elementwise ops: checks, shapes and the gradient rule for every functor of functors.h, and cast.
#include "ops/broadcast.h"
#include "ops/checks.h"
#include "ops/kernels.h"
#include "ops/schema.h"

namespace osteon {
namespace {

using namespace functors;

// The name of operand i in ops.h.
template <class Functor>
const char* operand_name(std::size_t i) {
  static constexpr const char* kNames[] = {"condition", "a", "b", "c"};
  return kOperands<Functor> == 1 ? "input" : kNames[i + 1 - kConditions<Functor>];
}

template <class Functor>
void check_operands(const Functor& functor,
                    const std::array<Tensor, functors::kOperands<Functor>>& inputs) {
  constexpr const char* op = Functor::name;
  constexpr std::size_t first = kConditions<Functor>;
  if constexpr (requires { functor.check(); }) functor.check();
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    const char* const name = operand_name<Functor>(i);
    if (i < first)
      check_dtype(op, name, inputs[i], DType::u8);
    else
      check_floating(op, name, inputs[i]);
    if (i > first)
      check_same_dtype(op, operand_name<Functor>(first), inputs[first], name, inputs[i]);
    if (i > 0) check_same_device(op, operand_name<Functor>(0), inputs[0], name, inputs[i]);
  }
}

// The tensors saved for backward; operands that backward does not need stay undefined.
template <class Functor>
Tensors saved_of(const std::array<Tensor, functors::kOperands<Functor>>& inputs, const Tensor& y) {
  if constexpr (Functor::saves == Saves::output) return {y};
  Tensors saved(inputs.size());
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    bool other_needs_grad = false;
    for (std::size_t other = 0; other < inputs.size(); ++other)
      other_needs_grad |= other != i && inputs[other].requires_grad();
    if (Functor::saves == Saves::inputs || (Functor::saves == Saves::condition && i == 0) ||
        (Functor::saves == Saves::others && other_needs_grad))
      saved[i] = inputs[i];
  }
  return saved;
}

// The gradients of the operands, summed over the dimensions that broadcasting repeated.
template <class Functor>
Tensors gradients_of(const Backward& b) {
  constexpr std::size_t first = kConditions<Functor>;
  std::array<Tensor, functors::kSaved<Functor>> saved;
  for (std::size_t i = 0; i < saved.size(); ++i) saved[i] = b.saved(i);
  std::array<Tensor, functors::kGradients<Functor>> gradients;
  for (std::size_t i = 0; i < gradients.size(); ++i)
    if (b.needs(first + i)) gradients[i] = empty_like(b.dy());
  OSTEON_DISPATCH(b.dy(),
                  elementwise_backward<Functor>(b.attrs<Functor>(), saved, b.dy(), gradients));
  Tensors result(kOperands<Functor>);
  for (std::size_t i = first; i < result.size(); ++i)
    if (b.needs(i)) result[i] = sum_to(gradients[i - first], b.input_shape(i));
  return result;
}

template <class Functor>
constexpr Rule rule_of() {
  if constexpr (kIsComparison<Functor>)
    return nullptr;
  else
    return gradients_of<Functor>;
}

}  // namespace

template <class Functor>
Tensor elementwise(const Functor& functor,
                   const std::array<Tensor, functors::kOperands<Functor>>& inputs) {
  check_operands(functor, inputs);
  Shape shape = inputs[0].shape();
  for (const Tensor& input : inputs) shape = broadcast_shape(Functor::name, shape, input.shape());
  const Tensor y(std::move(shape), kIsComparison<Functor> ? DType::u8 : inputs.back().dtype(),
                 inputs[0].device());
  OSTEON_DISPATCH(y, elementwise_forward<Functor>(functor, inputs, y));
  return record(schema::elementwise<Functor>, y, Tensors(inputs.begin(), inputs.end()),
                saved_of<Functor>(inputs, y), functor, rule_of<Functor>());
}

#define OSTEON_INSTANTIATE(Functor)           \
  template Tensor elementwise(const Functor&, \
                              const std::array<Tensor, functors::kOperands<Functor>>&);
OSTEON_DIFFERENTIABLE(OSTEON_INSTANTIATE)
OSTEON_COMPARISONS(OSTEON_INSTANTIATE)

// Rounding counts as the identity in the gradient: dx is dy in x's dtype.
Tensor cast(const Tensor& x, DType dtype) {
  check_defined("cast", "input", x);
  Tensor y(x.shape(), dtype, x.device());
  copy_(y, x);
  const Rule rule = [](const Backward& b) {
    Tensor dx(b.dy().shape(), b.input_dtype(0), b.dy().device());
    copy_(dx, b.dy());
    return Tensors{dx};
  };
  const bool differentiable = is_floating(dtype) && is_floating(x.dtype());
  return record(schema::cast, y, {x}, {}, dtype, differentiable ? rule : nullptr);
}

}  // namespace osteon
