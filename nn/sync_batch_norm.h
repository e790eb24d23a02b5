// Batch normalisation by the statistics of all processes (comm/process_group.h).
#pragma once

#include "nn/module.h"
#include "ops/ops.h"

namespace osteon {

// The same as batch_norm in training mode with the batches of all processes put together; all of
// them must call it. Composed of other ops: it reads and writes x several times where batch_norm
// does so once. With n values per channel in all processes, and sums over all of them:
//
//   mean = sum x / n      var = sum (x - mean)^2 / n      running_var uses sum (x - mean)^2 / (n -
//   1)
Tensor sync_batch_norm(const Tensor& x, const Tensor& weight, const Tensor& bias,
                       const Tensor& running_mean, const Tensor& running_var,
                       const BatchNormOptions& options, const Tensor& residual = {});

// From now on every BatchNorm2d of the model does so in training mode.
void synchronise_batch_norm(Module& model);

}  // namespace osteon
