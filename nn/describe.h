// Summary of a model: its layers in execution order, with outputs, parameters and flops.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "nn/module.h"

namespace osteon {

// One op of a forward pass.
struct LayerSummary {
  std::string name;  // of the innermost module that ran the op; empty for the model itself
  std::string op;    // the name in ops.h
  Shape output;
  std::int64_t parameters = 0;  // elements of parameters that no earlier op used
  std::int64_t flops = 0;       // of the forward pass (nn/flops.h)
};

struct ModelSummary {
  std::vector<LayerSummary> layers;
  std::int64_t parameters = 0;
  std::int64_t flops = 0;

  // An aligned table with a line of totals.
  std::string to_table() const;
};

// Runs the model once on zeros of `input_shape` ([N,H,W,3] for a model of images), in evaluation
// mode and without gradients, and records its ops. The model is unchanged afterwards.
ModelSummary describe(Module& model, const Shape& input_shape);
// The same for several inputs.
ModelSummary describe(Module& model, const std::vector<Shape>& input_shapes);

}  // namespace osteon
