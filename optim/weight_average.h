// An exponential moving average of a model's weights (EMA), which often predicts better than the
// weights of the last step.
#pragma once

#include <cstdint>

#include "nn/module.h"

namespace osteon {

// The decay of update t = 1, 2, ...: min(limit, 1 - t^(-2/3)). It grows from 0, so that the initial
// weights do not stay in the average.
// Source: timm, ModelEmaV3 with use_warmup.
double average_decay(double limit, std::int64_t update);

// average <- decay average + (1 - decay) model, for all parameters and floating-point buffers;
// counters are copied. Both models have the same layers, dtype and device.
// Source: Polyak & Juditsky, "Acceleration of Stochastic Approximation by Averaging", 1992, with
// the exponential weights of TensorFlow's ExponentialMovingAverage.
void update_average(const Module& average, const Module& model, double decay);

}  // namespace osteon
