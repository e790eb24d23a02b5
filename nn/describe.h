// A model at a glance: its layers in the order they run, their outputs, parameters and arithmetic.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "nn/module.h"

namespace osteon {

// One op of a forward pass.
struct LayerSummary {
  std::string name;  // of the innermost module that ran it; empty for the model itself
  std::string op;    // as in ops.h
  Shape output;
  std::int64_t parameters = 0;  // elements of parameters it used that no op before it had
  std::int64_t flops = 0;       // of the forward pass (nn/flops.h)
};

struct ModelSummary {
  std::vector<LayerSummary> layers;
  std::int64_t parameters = 0;
  std::int64_t flops = 0;

  // An aligned table with a line of totals, for a terminal.
  std::string to_table() const;
};

// Runs the model once on zeros of `input_shape` ([N,H,W,3] for a model of images), in evaluation
// mode and without gradients, and notes what ran. The model is left as it was.
ModelSummary describe(Module& model, const Shape& input_shape);
// Of several inputs.
ModelSummary describe(Module& model, const std::vector<Shape>& input_shapes);

}  // namespace osteon
