// The table of operations under test: one row per case. op_cases_test.cpp runs several checks on
// every row; scripts/golden/ops.py reads the same rows (printed by op_cases_list) and computes the
// expected results with PyTorch in float64.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "tensor/tensor.h"

namespace osteon {

// One input of an op. Its elements are drawn from the row's name, in Python in the same way.
struct Input {
  enum class Kind {
    absent,          // an undefined tensor: no bias, no residual
    uniform,         // in [low, high)
    away_from_zero,  // absolute value in [low, high), either sign: not near a kink at 0
    spread,          // a random permutation of equal steps in [low, high): no two are close
    integers,        // whole numbers in [low, high)
    listed,          // `elements`
  };
  // The dtype of the input if the row runs in dtype T.
  enum class Type {
    activation,  // T
    parameter,   // T, but f32 if T is bf16
    i64,
    u8,
  };

  Kind kind = Kind::absent;
  Shape shape;
  double low = 0, high = 0;
  std::vector<double> elements;
  Type type = Type::activation;
  bool differentiable = true;
  bool updated = false;  // changed in place by the op: its new value is also checked

  // A copy of an input without a gradient; the functions below are similar.
  Input constant() const;
  Input parameter() const;
  Input running() const;  // updated in place, constant, a parameter
};

Input absent();
Input uniform(Shape shape, double low = -1, double high = 1);
Input away_from_zero(Shape shape, double low = 0.125, double high = 1.125);
Input spread(Shape shape, double low = -2, double high = 2);
Input integers(Shape shape, double low, double high);
Input listed(Shape shape, std::vector<double> elements);
// Whole numbers in [0, end) as i64; grey values as u8; given i64 numbers.
Input classes(Shape shape, double end);
Input pixels(Shape shape);
Input listed_i64(Shape shape, std::vector<double> elements);

// A factor of the tolerance of op_tolerance.h for this row. The row gives the reason.
struct Tolerance {
  double f32 = 1;
  double bf16 = 1;
};

struct OpCase {
  std::string name;
  std::string op;  // name in call_op
  std::vector<Input> inputs;
  nlohmann::json attrs = nlohmann::json::object();
  Tolerance tolerance = {};
  // Step of the central differences; 0 if they are not defined: exactly at a kink, or with a
  // rounded output.
  double step = 1e-5;
};

const std::vector<OpCase>& op_cases();

// The row without tolerance and step, as scripts/golden/ops.py reads it; JSON has no infinity, so
// an infinite attribute becomes "inf" or "-inf". The golden file stores the hash of this text.
nlohmann::json to_json(const OpCase& row);
std::string hash_of(const OpCase& row);

// A call that must throw an Error whose text contains `message`.
struct BadOpCase {
  std::string op;
  std::vector<Input> inputs;
  nlohmann::json attrs;
  std::string message;
  DType dtype = DType::f64;  // of the run
};

const std::vector<BadOpCase>& bad_op_cases();

// --- running a row ------------------------------------------------------------------------------

DType dtype_of_input(const Input& input, DType run);
// The elements of input i of the row called `row`.
std::vector<double> input_elements(const std::string& row, std::size_t i, const Input& input);
Tensors make_inputs(const std::string& row, const std::vector<Input>& inputs, DType run);

// Calls the op; `attrs` are its options by their names in ops.h. An option for the dtype of the
// output is `run` unless the row sets it.
Tensor call_op(const std::string& op, const Tensors& inputs, const nlohmann::json& attrs,
               DType run);
std::vector<std::string> callable_ops();

}  // namespace osteon
