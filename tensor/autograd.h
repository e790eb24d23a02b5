// Automatic differentiation. Every differentiable op ends in record(). It stores the inputs, the
// outputs and the gradient rule, which computes the gradients of the inputs from those of the
// outputs. backward() processes these records from the newest to the oldest.
//
// A rule is a plain function that sees only the saved data, so there are no hidden captures and no
// reference cycles. Not supported: gradients of gradients, in-place ops inside the graph.
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

// The name of an op and the type of its attributes. ops/schema.h has one schema per op.
template <class AttrsType = NoAttrs>
struct OpSchema {
  using Attrs = AttrsType;
  const char* name;
};

class Backward;
using Rule = Tensors (*)(const Backward&);

// One recorded op. Inputs point to the nodes that computed them (or to the leaves); outputs point
// to their node. Users see nodes only through Backward.
class Node {
 public:
  struct Input {
    Shape shape;
    DType dtype = DType::f32;
    std::shared_ptr<Node> node;  // the op that computed the input; null for a leaf
    std::size_t output_index = 0;
    Tensor leaf;  // the leaf whose gradient is accumulated
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

  ~Node();  // iterative, because recursion over a million ops would overflow the stack

  const char* name = "";
  std::uint64_t sequence = 0;
  std::vector<Input> inputs;
  std::vector<Saved> saved;
  std::vector<Output> outputs;
  std::any attrs;
  Rule rule = nullptr;
  bool consumed = false;
  Tensor relu_mask;                 // offered for the gradient of output 0 (offer_relu_mask)
  bool gradient_is_masked = false;  // whether other rules have multiplied it by the mask
};

// The arguments of a gradient rule.
class Backward {
 public:
  // What the engine knows about the gradients of inputs that an op computed.
  class Engine {
   public:
    virtual ~Engine() = default;
    virtual Tensor take_gradient_so_far(const Node::Input& input) = 0;
    virtual Tensor take_relu_mask(const Node::Input& input) = 0;
  };

  Backward(const Node& node, Tensors grad_outputs, Engine& engine)
      : node_(node), grad_outputs_(std::move(grad_outputs)), engine_(engine) {}
  Backward(const Backward&) = delete;
  Backward& operator=(const Backward&) = delete;

  // The gradient of the loss with respect to the first output.
  const Tensor& dy() const { return grad_outputs_[0]; }
  // The same for output i: zeros if the loss does not depend on it, undefined if it is an integer
  // tensor.
  const Tensor& grad_output(std::size_t i) const;
  // A tensor saved by record(). Throws if it was changed in place since.
  const Tensor& saved(std::size_t i) const;
  // Whether the gradient of input i is needed; otherwise a rule may leave it undefined.
  bool needs(std::size_t i) const { return input(i).needs_grad(); }
  const Shape& input_shape(std::size_t i) const { return input(i).shape; }
  DType input_dtype(std::size_t i) const { return input(i).dtype; }
  // The attributes given to record(). Throws if they have another type.
  template <class Attrs>
  const Attrs& attrs() const {
    const Attrs* const attrs = std::any_cast<Attrs>(&node_.attrs);
    OSTEON_CHECK(attrs != nullptr, node_.name, ": the rule asks for attributes of another type");
    return *attrs;
  }

  // --- for speed: a rule is also correct without these
  //
  // Backward runs once, so a rule may write its results over dy() or over a saved tensor if
  // owns_memory_alone().

  // Uninitialised memory for the gradient of input i. For a leaf with an empty bound gradient
  // (bind_grad) this is that buffer, which saves a copy.
  Tensor gradient_memory(std::size_t i) const;
  // The same for a rule that computes the gradient in `computed`, a dtype that may be narrower than
  // the input's (filters in f32, images in bf16). The narrower gradients of all leaves are
  // converted together when the last rule has run, on a CUDA device in one launch. For other
  // inputs, and on the CPU, the rule must convert: the memory has the input's dtype.
  Tensor gradient_memory(std::size_t i, DType computed) const;
  // The sum of the contributions of other ops to the gradient of input i, for a rule that can add
  // it in the same pass. The rule must return this sum plus its own contribution. Undefined if
  // there is none yet, if its memory has another owner, and for leaves.
  Tensor take_gradient_so_far(std::size_t i) const {
    return needs(i) && input(i).node ? engine_.take_gradient_so_far(input(i)) : Tensor();
  }
  // The mask that the op which computed input i offers (offer_relu_mask), for a rule that can
  // multiply by it in the same pass. Call it after take_gradient_so_far. The rule must return its
  // gradient multiplied by the mask. Undefined if no mask is offered, or if another contribution
  // to this gradient could not be taken.
  Tensor take_relu_mask(std::size_t i) const {
    return needs(i) && input(i).node ? engine_.take_relu_mask(input(i)) : Tensor();
  }
  // Whether dy() has already been multiplied by the mask that this op offered.
  bool dy_is_masked() const { return node_.gradient_is_masked; }

 private:
  const Node::Input& input(std::size_t i) const;

  const Node& node_;
  const Tensors grad_outputs_;
  Engine& engine_;
};

namespace detail {
Tensors record(const char* name, Tensors outputs, const Tensors& inputs, const Tensors& saved,
               std::any attrs, Rule rule);
}

// Ends an op: returns the outputs, with their history if an input requires a gradient and NoGrad is
// not active. Outputs are new tensors (use view() for the memory of an input). Integer outputs get
// no history. `saved` is kept (detached) until backward has run. The rule returns one gradient per
// input, in order; undefined if it is not needed or does not exist. A null rule means that the op
// has no gradient: backward through it is an error.
template <class Attrs>
Tensors record(const OpSchema<Attrs>& op, Tensors outputs, const Tensors& inputs,
               const Tensors& saved, std::type_identity_t<Attrs> attrs, Rule rule) {
  // With the type's name, so that clang-tidy sees the move.
  return detail::record(op.name, Tensors(std::move(outputs)), inputs, saved,
                        std::any(std::move(attrs)), rule);
}
// The same for one output.
template <class Attrs>
Tensor record(const OpSchema<Attrs>& op, Tensor output, const Tensors& inputs, const Tensors& saved,
              std::type_identity_t<Attrs> attrs, Rule rule) {
  return detail::record(op.name, Tensors{std::move(output)}, inputs, saved,
                        std::any(std::move(attrs)), rule)[0];
}

// For speed, after record(): the op that computed `output` ends in a ReLU, and its rule begins by
// multiplying dy by `mask`. Multiplying twice changes nothing, so the last of the ops that read
// `output` may do it in the pass that computes its gradient (Backward::take_relu_mask).
void offer_relu_mask(const Tensor& output, const Tensor& mask);

// Computes the gradient of `loss` (one element) with respect to every leaf that requires one, and
// adds it to the leaf's grad(). Frees saved tensors on the way; a second backward through the same
// ops throws.
void backward(const Tensor& loss);
// The same, with a given gradient of `output`.
void backward(const Tensor& output, const Tensor& grad_output);

// During its lifetime this thread records no history.
class NoGrad {
 public:
  NoGrad();
  ~NoGrad();
  NoGrad(const NoGrad&) = delete;
  NoGrad& operator=(const NoGrad&) = delete;

 private:
  bool before_;
};

// During its lifetime this thread records history again, for example inside a gradient rule.
class EnableGrad {
 public:
  EnableGrad();
  ~EnableGrad();
  EnableGrad(const EnableGrad&) = delete;
  EnableGrad& operator=(const EnableGrad&) = delete;

 private:
  bool before_;
};

// The data that an observer gets for each op that ends in record(), also under NoGrad.
struct Observation {
  const char* name;
  const Tensors& inputs;
  const std::any& attrs;
  const Tensors& outputs;
};

// Whether an Observation or a Node belongs to this op.
template <class Observed, class Attrs>
bool is(const Observed& observed, const OpSchema<Attrs>& op) {
  return std::string_view(observed.name) == op.name;
}
// The attributes of an Observation or a Node. Throws if it belongs to another op.
template <class Observed, class Attrs>
const Attrs& attrs_of(const Observed& observed, const OpSchema<Attrs>& op) {
  const Attrs* const attrs = std::any_cast<Attrs>(&observed.attrs);
  OSTEON_CHECK(is(observed, op) && attrs != nullptr, observed.name,
               " was asked for the attributes of ", op.name);
  return *attrs;
}

// During its lifetime `observer` is called for every op of this thread, after the observers that
// were registered earlier. Ops called by an observer are not observed.
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

// During its lifetime `observer` is called for every op in this thread's backward(), after the op's
// gradient rule has run.
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

// During its lifetime `observer` is called in this thread's backward() for every leaf as soon as
// its gradient is complete, that is when no remaining op adds to it. Thus gradients can be reduced
// over processes while backward continues. The order depends only on the graph.
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

// Whether the ops of this thread are observed. If so, layers are not fused.
bool is_observed();

// Whether this thread records history, that is no NoGrad is active.
bool is_grad_enabled();

}  // namespace osteon
