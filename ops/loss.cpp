// Losses: checks and gradient rules, and losses composed of other ops.
#include <cmath>
#include <limits>

#include "ops/checks.h"
#include "ops/kernels.h"
#include "ops/precision.h"
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

Tensor softplus_of(const Tensor& x) {
  return softplus(x, 1, std::numeric_limits<double>::infinity());
}

// The mean of term(x - target).
template <class Term>
Tensor mean_of(const char* op, const Tensor& x, const Tensor& target, const Term& term) {
  check_floating(op, "input", x);
  check_same_shape(op, "input", x, "target", target);
  check_same_dtype(op, "input", x, "target", target);
  check_same_device(op, "input", x, "target", target);
  return narrowed(mean(term(widened(x) - widened(target))), x.dtype());
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

// With w, t and s as in ops.h and W = the sum of all w[k]:
// dlogits[n,k] = dy [ (1 - s) w[t] (p[k] - [k = t]) + s / K (W p[k] - w[k]) ] / total
Tensor cross_entropy(const Tensor& logits, const Tensor& targets, const Tensor& weight,
                     const CrossEntropyOptions& options) {
  constexpr const char* op = schema::cross_entropy.name;
  check_floating(op, "logits", logits);
  check_rank(op, "logits", logits, 2, "[N,K]");
  check_dtype(op, "targets", targets, DType::i64);
  check_shape(op, "targets", targets, {logits.dim(0)});
  check_same_device(op, "logits", logits, "targets", targets);
  OSTEON_CHECK(logits.numel() >= 1, op, ": logits ", logits.shape(),
               " are empty and have no mean, expects at least one element");
  if (weight.defined()) {
    check_dtype(op, "weight", weight, wide_dtype(logits.dtype()));
    check_shape(op, "weight", weight, {logits.dim(1)});
    check_same_device(op, "logits", logits, "weight", weight);
    check_constant(op, "weight", weight);
  }
  OSTEON_CHECK(options.label_smoothing >= 0 && options.label_smoothing <= 1, op,
               ": label_smoothing ", options.label_smoothing, ", expects a number in [0, 1]");
  const Tensor loss({}, logits.dtype(), logits.device());
  const Tensor total({}, DType::f64, logits.device());
  OSTEON_DISPATCH(logits, cross_entropy_forward(logits, targets, weight, options, loss, total));
  return record(schema::cross_entropy, loss, {logits, targets, weight},
                {logits, targets, weight, total}, options, [](const Backward& b) -> Tensors {
                  const Tensor dlogits = empty_like(b.saved(0));
                  OSTEON_DISPATCH(dlogits,
                                  cross_entropy_backward(b.saved(0), b.saved(1), b.saved(2),
                                                         b.attrs<CrossEntropyOptions>(), b.saved(3),
                                                         b.dy(), dlogits));
                  return {dlogits, {}, {}};
                });
}

// With s = sigmoid: p_t = 1 - q, where q = s(z) (1 - t) + s(-z) t has no cancellation.
Tensor focal_loss(const Tensor& logits, const Tensor& targets, double alpha, double gamma) {
  constexpr const char* op = "focal_loss";
  check_floating(op, "logits", logits);
  check_same_shape(op, "logits", logits, "targets", targets);
  check_same_dtype(op, "logits", logits, "targets", targets);
  check_same_device(op, "logits", logits, "targets", targets);
  check_constant(op, "targets", targets);
  OSTEON_CHECK(alpha <= 1, op, ": alpha is ", alpha, ", expects a number of at most 1");
  OSTEON_CHECK(gamma >= 0, op, ": gamma is ", gamma, ", expects a number of at least 0");
  const Tensor z = widened(logits), t = widened(targets), negative = 1.0 - t;
  const Tensor cross_entropy = softplus_of(z) * negative + softplus_of(-z) * t;
  const Tensor q = sigmoid(z) * negative + sigmoid(-z) * t;
  const Tensor loss = cross_entropy * pow(q, gamma);
  const Tensor weighted = alpha < 0 ? loss : loss * (t * alpha + negative * (1 - alpha));
  return narrowed(mean(weighted), logits.dtype());
}

Tensor mse_loss(const Tensor& x, const Tensor& target) {
  return mean_of("mse_loss", x, target, [](const Tensor& d) { return square(d); });
}

Tensor smooth_l1_loss(const Tensor& x, const Tensor& target, double beta) {
  OSTEON_CHECK(beta >= 0, "smooth_l1_loss: beta is ", beta, ", expects a number of at least 0");
  return mean_of("smooth_l1_loss", x, target, [beta](const Tensor& difference) {
    const Tensor d = abs(difference);
    if (beta == 0) return d;
    return where(lt(d, beta), square(d) * (0.5 / beta), d - 0.5 * beta);
  });
}

}  // namespace osteon
