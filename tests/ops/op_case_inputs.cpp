// The inputs of the rows: the elements of each kind of input.
#include <algorithm>
#include <numeric>

#include "tests/ops/op_cases.h"
#include "tests/support/hashed.h"

namespace osteon {
namespace {

Input make(Input::Kind kind, Shape shape, double low, double high) {
  Input input;
  input.kind = kind;
  input.shape = std::move(shape);
  input.low = low;
  input.high = high;
  return input;
}

std::vector<double> spread_elements(const HashedSequence& draws, const Input& input) {
  const auto count = static_cast<std::size_t>(input.shape.numel());
  std::vector<std::size_t> order(count);
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::sort(order.begin(), order.end(),
            [&](std::size_t a, std::size_t b) { return draws.bits(a) < draws.bits(b); });
  std::vector<double> elements(count);
  for (std::size_t rank = 0; rank < count; ++rank)
    elements[order[rank]] = input.low + (input.high - input.low) *
                                            (static_cast<double>(rank) + 0.5) /
                                            static_cast<double>(count);
  return elements;
}

double drawn_element(const HashedSequence& draws, const Input& input, std::uint64_t i) {
  const double u = draws.uniform(i);
  switch (input.kind) {
    case Input::Kind::uniform:
      return input.low + (input.high - input.low) * u;
    case Input::Kind::away_from_zero: {
      const double size = input.low + (input.high - input.low) * u;
      return draws.bits(i) % 2 == 0 ? size : -size;
    }
    case Input::Kind::integers:
      return input.low + static_cast<double>(draws.bits(i) %
                                             static_cast<std::uint64_t>(input.high - input.low));
    default:
      throw Error("op_cases: this kind of input has no elements to draw");
  }
}

}  // namespace

Input Input::constant() const {
  Input copy = *this;
  copy.differentiable = false;
  return copy;
}

Input Input::parameter() const {
  Input copy = *this;
  copy.type = Type::parameter;
  return copy;
}

Input Input::running() const {
  Input copy = constant().parameter();
  copy.updated = true;
  return copy;
}

Input absent() { return make(Input::Kind::absent, {}, 0, 0).constant(); }

Input uniform(Shape shape, double low, double high) {
  return make(Input::Kind::uniform, std::move(shape), low, high);
}

Input away_from_zero(Shape shape, double low, double high) {
  return make(Input::Kind::away_from_zero, std::move(shape), low, high);
}

Input spread(Shape shape, double low, double high) {
  return make(Input::Kind::spread, std::move(shape), low, high);
}

Input integers(Shape shape, double low, double high) {
  return make(Input::Kind::integers, std::move(shape), low, high);
}

Input listed(Shape shape, std::vector<double> elements) {
  Input input = make(Input::Kind::listed, std::move(shape), 0, 0);
  input.elements = std::move(elements);
  return input;
}

Input classes(Shape shape, double end) {
  Input input = integers(std::move(shape), 0, end).constant();
  input.type = Input::Type::i64;
  return input;
}

Input pixels(Shape shape) {
  Input input = integers(std::move(shape), 0, 256).constant();
  input.type = Input::Type::u8;
  return input;
}

Input listed_i64(Shape shape, std::vector<double> elements) {
  Input input = listed(std::move(shape), std::move(elements)).constant();
  input.type = Input::Type::i64;
  return input;
}

DType dtype_of_input(const Input& input, DType run) {
  switch (input.type) {
    case Input::Type::parameter:
      return run == DType::bf16 ? DType::f32 : run;
    case Input::Type::i64:
      return DType::i64;
    case Input::Type::u8:
      return DType::u8;
    default:
      return run;
  }
}

std::vector<double> input_elements(const std::string& row, std::size_t i, const Input& input) {
  if (input.kind == Input::Kind::listed) return input.elements;
  const HashedSequence draws(row + "/" + std::to_string(i));
  if (input.kind == Input::Kind::spread) return spread_elements(draws, input);
  std::vector<double> elements(static_cast<std::size_t>(input.shape.numel()));
  for (std::size_t j = 0; j < elements.size(); ++j) elements[j] = drawn_element(draws, input, j);
  return elements;
}

Tensors make_inputs(const std::string& row, const std::vector<Input>& inputs, DType run) {
  Tensors tensors;
  for (std::size_t i = 0; i < inputs.size(); ++i)
    tensors.push_back(inputs[i].kind == Input::Kind::absent
                          ? Tensor()
                          : from_vector(input_elements(row, i, inputs[i]), inputs[i].shape,
                                        dtype_of_input(inputs[i], run)));
  return tensors;
}

}  // namespace osteon
