// How gradients flow. Every differentiable op ends in record(): it notes what was computed from
// what, and the rule that turns the gradient of the outputs into gradients of the inputs.
// backward() walks these notes from the newest to the oldest.
//
// A rule is a plain function that sees only what was saved for it, so nothing hides in a capture
// and no reference cycle can form. Not offered: gradients of gradients, in-place ops inside the
// graph.
#pragma once

#include <any>
#include <cstdint>
#include <functional>
#include <memory>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "tensor/tensor.h"

namespace osteon {

struct NoAttrs {};

// What an op is called, and the type of the attributes that it records. ops/schema.h has one per
// op.
template <class AttrsType = NoAttrs>
struct OpSchema {
  using Attrs = AttrsType;
  const char* name;
};

class Backward;
using Rule = Tensors (*)(const Backward&);

// One recorded op. Its inputs are reached through the nodes that made them (or the leaves
// themselves); its outputs point at it. Users see nodes only through Backward.
class Node {
 public:
  struct Input {
    Shape shape;
    DType dtype = DType::f32;
    std::shared_ptr<Node> node;  // who made the input; null for a leaf
    std::size_t output_index = 0;
    Tensor leaf;  // the leaf that collects the gradient
    bool needs_grad() const { return node != nullptr || leaf.defined(); }
  };
  struct Saved {
    Tensor tensor;  // detached
    std::uint64_t version = 0;
  };
  struct Output {
    Shape shape;
    DType dtype;
    Device device;
  };

  ~Node();  // iterative: a chain of a million ops must not recurse a million deep

  const char* name = "";
  std::uint64_t sequence = 0;
  std::vector<Input> inputs;
  std::vector<Saved> saved;
  std::vector<Output> outputs;
  std::any attrs;
  Rule rule = nullptr;
  bool consumed = false;
};

// What a rule is given.
class Backward {
 public:
  // Takes what was collected of an input's gradient out of the engine's hands.
  using TakeCollected = std::function<Tensor(const Node::Input&)>;

  Backward(const Node& node, Tensors grad_outputs, const TakeCollected& take_collected)
      : node_(node), grad_outputs_(std::move(grad_outputs)), take_collected_(take_collected) {}
  Backward(const Backward&) = delete;
  Backward& operator=(const Backward&) = delete;

  // The gradient of the loss by the first output.
  const Tensor& dy() const { return grad_outputs_[0]; }
  // The same for output i; zeros if the loss does not depend on it, undefined if it is of integers.
  const Tensor& grad_output(std::size_t i) const;
  // What record() was told to save; throws if it was changed in place since.
  const Tensor& saved(std::size_t i) const;
  // Whether the gradient of input i is wanted; a rule may leave it undefined otherwise.
  bool needs(std::size_t i) const { return input(i).needs_grad(); }
  const Shape& input_shape(std::size_t i) const { return input(i).shape; }
  DType input_dtype(std::size_t i) const { return input(i).dtype; }
  // What record() was given under this type; throws if it was another type.
  template <class Attrs>
  const Attrs& attrs() const {
    const Attrs* const attrs = std::any_cast<Attrs>(&node_.attrs);
    OSTEON_CHECK(attrs != nullptr, node_.name, ": the rule asks for attributes of another type");
    return *attrs;
  }

  // --- for speed: a rule that uses nothing below is as right
  //
  // Backward passes once, so a rule may also write its results over dy() or a saved tensor that
  // owns_memory_alone().

  // Uninitialised memory for the gradient of input i. For a leaf with a bound gradient (bind_grad)
  // that is still empty this is its place, which saves a copy.
  Tensor gradient_memory(std::size_t i) const;
  // The sum of what other ops have contributed to the gradient of input i, for a rule that can add
  // it in passing: the rule must return the sum with its own share. Undefined where there is
  // nothing yet, where that memory has another owner, and for leaves.
  Tensor take_gradient_so_far(std::size_t i) const {
    return needs(i) && input(i).node ? take_collected_(input(i)) : Tensor();
  }

 private:
  const Node::Input& input(std::size_t i) const;

  const Node& node_;
  const Tensors grad_outputs_;
  const TakeCollected& take_collected_;
};

namespace detail {
Tensors record(const char* name, Tensors outputs, const Tensors& inputs, const Tensors& saved,
               std::any attrs, Rule rule);
}

// Ends an op: hands the outputs on, with their history if some input requires a gradient and NoGrad
// is not in force. Outputs are tensors of the op's own (on the memory of an input: its view()) and
// those of integers get no history. `saved` is kept (detached) until backward has passed. The rule
// returns one gradient an input, in order, undefined where none is needed or there is none; a null
// rule says that the op has no gradient, which is an error once backward comes there.
template <class Attrs>
Tensors record(const OpSchema<Attrs>& op, Tensors outputs, const Tensors& inputs,
               const Tensors& saved, std::type_identity_t<Attrs> attrs, Rule rule) {
  return detail::record(op.name, std::move(outputs), inputs, saved, std::any(std::move(attrs)),
                        rule);
}
// The same for one output.
template <class Attrs>
Tensor record(const OpSchema<Attrs>& op, Tensor output, const Tensors& inputs, const Tensors& saved,
              std::type_identity_t<Attrs> attrs, Rule rule) {
  return detail::record(op.name, Tensors{std::move(output)}, inputs, saved,
                        std::any(std::move(attrs)), rule)[0];
}

// Computes the gradient of `loss` (one element) by every leaf that requires one and adds it to the
// leaf's grad(). Saved tensors are freed on the way; a second backward through the same ops throws.
void backward(const Tensor& loss);
// The same, from a given gradient of `output`.
void backward(const Tensor& output, const Tensor& grad_output);

// While one lives, this thread records no history.
class NoGrad {
 public:
  NoGrad();
  ~NoGrad();
  NoGrad(const NoGrad&) = delete;
  NoGrad& operator=(const NoGrad&) = delete;

 private:
  bool before_;
};

// What an observer sees of each op that ends in record(), under NoGrad too.
struct Observation {
  const char* name;
  const Tensors& inputs;
  const std::any& attrs;
  const Tensors& outputs;
};

// Whether an Observation or a Node is of this op.
template <class Observed, class Attrs>
bool is(const Observed& observed, const OpSchema<Attrs>& op) {
  return std::string_view(observed.name) == op.name;
}
// Its attributes; throws if it is of another op.
template <class Observed, class Attrs>
const Attrs& attrs_of(const Observed& observed, const OpSchema<Attrs>& op) {
  const Attrs* const attrs = std::any_cast<Attrs>(&observed.attrs);
  OSTEON_CHECK(is(observed, op) && attrs != nullptr, observed.name,
               " was asked for the attributes of ", op.name);
  return *attrs;
}

// While one lives, `observer` is called for every op of this thread, after those that began to
// watch before it. Ops that an observer calls itself are not observed.
class ObserveOps {
 public:
  using Observer = std::function<void(const Observation&)>;
  explicit ObserveOps(Observer observer);
  ~ObserveOps();
  ObserveOps(const ObserveOps&) = delete;
  ObserveOps& operator=(const ObserveOps&) = delete;

 private:
  Observer observer_;
  const Observer* before_;
};

// While one lives, `observer` is called for every op that this thread's backward() passes, after
// its gradient rule has run.
class ObserveBackward {
 public:
  using Observer = std::function<void(const Node&)>;
  explicit ObserveBackward(Observer observer);
  ~ObserveBackward();
  ObserveBackward(const ObserveBackward&) = delete;
  ObserveBackward& operator=(const ObserveBackward&) = delete;

 private:
  Observer observer_;
  const Observer* before_;
};

// While one lives, `observer` is called in this thread's backward() for every leaf whose gradient
// is complete, as soon as no op that is left adds to it: so that gradients can be reduced over
// processes while backward goes on. The order is the same for the same graph.
class ObserveGradients {
 public:
  using Observer = std::function<void(const Tensor& leaf)>;
  explicit ObserveGradients(Observer observer);
  ~ObserveGradients();
  ObserveGradients(const ObserveGradients&) = delete;
  ObserveGradients& operator=(const ObserveGradients&) = delete;

 private:
  Observer observer_;
  const Observer* before_;
};

// Whether somebody observes the ops of this thread: then layers are not fused.
bool is_observed();

// Whether this thread records history: no NoGrad lives.
bool is_grad_enabled();

}  // namespace osteon
