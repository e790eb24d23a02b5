// scaled_dot_product_attention: checks, gradient rule, and its composition on a CUDA device where
// cuDNN does not compute it.
#include <cmath>

#include "ops/checks.h"
#include "ops/kernels.h"
#include "ops/precision.h"
#include "ops/schema.h"

namespace osteon {
namespace {

constexpr const char* kOp = "scaled_dot_product_attention";

void check(const Tensor& query, const Tensor& key, const Tensor& value) {
  check_floating(kOp, "query", query);
  check_rank(kOp, "query", query, 4, "[N,L,heads,E]");
  for (const auto& [name, tensor] : {std::pair{"key", key}, std::pair{"value", value}}) {
    check_rank(kOp, name, tensor, 4, "[N,S,heads,E]");
    check_same_dtype(kOp, "query", query, name, tensor);
    check_same_device(kOp, "query", query, name, tensor);
  }
  check_same_shape(kOp, "key", key, "value", value);
  OSTEON_CHECK(
      query.dim(0) == key.dim(0) && query.dim(2) == key.dim(2) && query.dim(3) == key.dim(3), kOp,
      ": query ", query.shape(), " and key ", key.shape(),
      " must have equal extents except the second, of positions");
  OSTEON_CHECK(key.dim(1) >= 1 && key.dim(3) >= 1, kOp, ": key ", key.shape(),
               " has no positions or no elements");
}

// With the whole matrix of scores: [N,L,heads,E] -> [N,heads,L,E] -> [N,heads,L,S]. In f32 if the
// inputs are bf16: the error of a rounded score is multiplied by its size.
Tensor composed(const Tensor& query, const Tensor& key, const Tensor& value, double scale) {
  const auto by_head = [](const Tensor& x) { return permute(x, {0, 2, 1, 3}); };
  const auto wide = [&](const Tensor& x) { return by_head(widened(x)); };
  const Tensor scores = matmul(by_head(widened(query) * scale), wide(key), false, true);
  return narrowed(by_head(matmul(softmax(scores), wide(value))), query.dtype());
}

}  // namespace

// With S = scale Q K^T, P = softmax(S), Y = P V, and D = rows' sums of dY Y:
//
//   dV = P^T dY      dS = P (dY V^T - D)      dQ = scale dS K      dK = scale dS^T Q
//
// P is computed again from S and its rows' log-sum-exp, so that no [L,S] matrix is kept.
Tensor scaled_dot_product_attention(const Tensor& query, const Tensor& key, const Tensor& value) {
  check(query, key, value);
  const double scale = 1 / std::sqrt(static_cast<double>(query.dim(3)));
  if (query.device().is_cuda() && !cuda::computes_attention(query, key, scale))
    return composed(query, key, value, scale);
  const Tensor y = empty_like(query);
  const Tensor log_sum({query.dim(0), query.dim(2), query.dim(1)}, wide_dtype(query.dtype()),
                       query.device());
  OSTEON_DISPATCH(query, attention_forward(query, key, value, scale, log_sum, y));
  return record(schema::attention, y, {query, key, value}, {query, key, value, y, log_sum}, {scale},
                [](const Backward& b) {
                  Tensors gradients(3);
                  for (std::size_t i = 0; i < 3; ++i)
                    if (b.needs(i)) gradients[i] = empty_like(b.saved(i));
                  OSTEON_DISPATCH(
                      b.dy(),
                      attention_backward(b.saved(0), b.saved(1), b.saved(2), b.saved(3), b.saved(4),
                                         b.dy(), b.attrs<schema::AttentionAttrs>().scale,
                                         gradients[0], gradients[1], gradients[2]));
                  return gradients;
                });
}

}  // namespace osteon
