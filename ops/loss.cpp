// Losses: checks and gradient rules.
#include <cmath>

#include "ops/checks.h"
#include "ops/kernels.h"
#include "ops/schema.h"

namespace osteon {
namespace {

// Checks that targets and weights need no gradient: none would be computed, without an error.
void check_constant(const char* op, const char* name, const Tensor& x) {
  OSTEON_CHECK(!x.requires_grad(), op, ": ", name,
               " requires a gradient, but the loss is differentiable only with respect to logits; "
               "detach it");
}

void check_binary(const Tensor& logits, const char* name, const Tensor& other) {
  constexpr const char* op = schema::binary_cross_entropy_with_logits.name;
  check_same_shape(op, "logits", logits, name, other);
  check_same_dtype(op, "logits", logits, name, other);
  check_same_device(op, "logits", logits, name, other);
  check_constant(op, name, other);
}

}  // namespace

// dz = dy weight [ (1 - t) sigmoid(z) - positive_weight t sigmoid(-z) ] / numel
Tensor binary_cross_entropy_with_logits(const Tensor& logits, const Tensor& targets,
                                        const Tensor& weight, double positive_weight) {
  constexpr const char* op = schema::binary_cross_entropy_with_logits.name;
  check_floating(op, "logits", logits);
  check_binary(logits, "targets", targets);
  if (weight.defined()) check_binary(logits, "weight", weight);
  OSTEON_CHECK(std::isfinite(positive_weight) && positive_weight >= 0, op, ": positive_weight ",
               positive_weight, ", expects a finite number of at least 0");
  OSTEON_CHECK(logits.numel() >= 1, op, ": logits ", logits.shape(),
               " are empty and have no mean, expects at least one element");
  const Tensor loss({}, logits.dtype(), logits.device());
  OSTEON_DISPATCH(logits,
                  binary_cross_entropy_forward(logits, targets, weight, positive_weight, loss));
  return record(schema::binary_cross_entropy_with_logits, loss, {logits, targets, weight},
                {logits, targets, weight}, {positive_weight}, [](const Backward& b) -> Tensors {
                  const Tensor dlogits = empty_like(b.saved(0));
                  OSTEON_DISPATCH(dlogits,
                                  binary_cross_entropy_backward(
                                      b.saved(0), b.saved(1), b.saved(2),
                                      b.attrs<schema::BinaryCrossEntropyAttrs>().positive_weight,
                                      b.dy(), dlogits));
                  return {dlogits, {}, {}};
                });
}

// dlogits[n,k] = dy (softmax(logits[n])[k] - [k = targets[n]]) / N
Tensor cross_entropy(const Tensor& logits, const Tensor& targets) {
  constexpr const char* op = schema::cross_entropy.name;
  check_floating(op, "logits", logits);
  check_rank(op, "logits", logits, 2, "[N,K]");
  check_dtype(op, "targets", targets, DType::i64);
  check_shape(op, "targets", targets, {logits.dim(0)});
  check_same_device(op, "logits", logits, "targets", targets);
  OSTEON_CHECK(logits.numel() >= 1, op, ": logits ", logits.shape(),
               " are empty and have no mean, expects at least one element");
  const Tensor loss({}, logits.dtype(), logits.device());
  OSTEON_DISPATCH(logits, cross_entropy_forward(logits, targets, loss));
  return record(schema::cross_entropy, loss, {logits, targets}, {logits, targets}, {},
                [](const Backward& b) -> Tensors {
                  const Tensor dlogits = empty_like(b.saved(0));
                  OSTEON_DISPATCH(dlogits,
                                  cross_entropy_backward(b.saved(0), b.saved(1), b.dy(), dlogits));
                  return {dlogits, {}};
                });
}

}  // namespace osteon
