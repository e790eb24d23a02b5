// The engine: recording, the backward pass, and the destruction of long graphs.
#include "tensor/autograd.h"

#include <algorithm>
#include <atomic>
#include <map>
#include <unordered_map>
#include <unordered_set>

namespace osteon {
namespace {

thread_local bool grad_enabled = true;
thread_local const ObserveOps::Observer* current_observer = nullptr;
thread_local const ObserveBackward::Observer* backward_observer = nullptr;
thread_local const ObserveGradients::Observer* gradient_observer = nullptr;

// Orders nodes by age over all threads, so that a graph built by several threads is processed
// correctly.
std::uint64_t next_sequence() {
  static std::atomic<std::uint64_t> counter{0};
  return ++counter;
}

Node::Input make_input(const Tensor& tensor) {
  Node::Input input;
  if (!tensor.defined()) return input;
  input.shape = tensor.shape();
  input.dtype = tensor.dtype();
  if (!tensor.requires_grad()) return input;
  input.node = tensor.grad_fn();
  input.output_index = tensor.output_index();
  if (tensor.is_leaf()) input.leaf = tensor;
  return input;
}

// A node that was reached but not yet processed, and the gradients of its outputs so far.
struct Reached {
  std::shared_ptr<Node> node;
  Tensors gradients;
  bool is_masked = false;  // whether every contribution to gradients[0] has the node's ReLU mask
};
// Newest first.
using Pending = std::map<std::uint64_t, Reached, std::greater<>>;

void add_to(Tensor& sum, Tensor gradient) {
  // [exercise 2a]
  if (!sum.defined()) {
    sum = std::move(gradient);
    return;
  }
  if (!sum.owns_memory_alone()) {
    // Another owner reads this memory (both inputs of an add share one gradient). If the other
    // summand is ours alone, use that; else copy.
    if (gradient.owns_memory_alone())
      std::swap(sum, gradient);
    else
      sum = sum.clone();
  }
  add_(sum, gradient);
  // [exercise end]
}

void deliver(Pending& pending, const std::shared_ptr<Node>& node, std::size_t output_index,
             Tensor gradient, bool is_masked = false) {
  Reached& reached = pending[node->sequence];
  if (!reached.node) {
    reached.node = node;
    reached.gradients.resize(node->outputs.size());
  }
  Tensor& sum = reached.gradients[output_index];
  if (output_index == 0) reached.is_masked = is_masked && (!sum.defined() || reached.is_masked);
  add_to(sum, std::move(gradient));
}

// Whether a rule may return the gradient of this input in a narrower dtype.
bool may_be_narrower(const Node::Input& input, const Device& device) {
  return input.leaf.defined() && device.is_cuda();
}

void check_gradient(const Node& node, std::size_t i, const Tensor& gradient) {
  const Node::Input& input = node.inputs[i];
  OSTEON_CHECK(gradient.defined(), node.name, ": the gradient rule returned nothing for input ", i);
  OSTEON_CHECK(gradient.shape() == input.shape &&
                   (gradient.dtype() == input.dtype ||
                    (may_be_narrower(input, gradient.device()) && is_floating(gradient.dtype()) &&
                     size_of(gradient.dtype()) < size_of(input.dtype))),
               node.name, ": the gradient of input ", i, " is ", gradient.shape(), " ",
               gradient.dtype(), " but the input is ", input.shape, " ", input.dtype);
}

// The engine's side of a rule that adds to gradients of earlier ops.
class Collected : public Backward::Engine {
 public:
  explicit Collected(Pending& pending) : pending_(pending) {}

  Tensor take_gradient_so_far(const Node::Input& input) override {
    Tensor* const sum = find(input);
    return sum != nullptr && sum->defined() && sum->owns_memory_alone()
               ? std::exchange(*sum, Tensor())
               : Tensor();
  }
  Tensor take_relu_mask(const Node::Input& input) override {
    const Tensor* const sum = find(input);
    if (input.output_index != 0 || (sum != nullptr && sum->defined())) return {};
    if (input.node->relu_mask.defined()) masked_.insert(&input);
    return input.node->relu_mask;
  }
  bool is_masked(const Node::Input& input) const { return masked_.contains(&input); }

 private:
  Tensor* find(const Node::Input& input) {
    const auto found = pending_.find(input.node->sequence);
    return found == pending_.end() ? nullptr : &found->second.gradients[input.output_index];
  }

  Pending& pending_;
  std::unordered_set<const Node::Input*> masked_;  // the rule multiplies their gradients
};

Tensors run_rule(Node& node, Tensors grad_outputs, Collected& collected) {
  OSTEON_CHECK(node.rule != nullptr, node.name,
               ": this op has no gradient; detach its inputs or compute it under NoGrad");
  OSTEON_CHECK(!node.consumed, node.name,
               ": backward was already called through this op and freed what it saved; compute the "
               "forward pass again");
  for (std::size_t i = 0; i < grad_outputs.size(); ++i)
    if (!grad_outputs[i].defined() && is_floating(node.outputs[i].dtype))
      grad_outputs[i] = zeros(node.outputs[i].shape, node.outputs[i].dtype, node.outputs[i].device);
  Tensors gradients = node.rule(Backward(node, std::move(grad_outputs), collected));
  OSTEON_CHECK(gradients.size() == node.inputs.size(), node.name, ": the gradient rule returned ",
               gradients.size(), " gradients for ", node.inputs.size(), " inputs");
  node.consumed = true;
  node.saved.clear();
  node.relu_mask = Tensor();
  return gradients;
}

}  // namespace

Node::~Node() {
  std::vector<std::shared_ptr<Node>> doomed;
  const auto take_inputs = [&doomed](Node& node) {
    for (Input& input : node.inputs)
      if (input.node) doomed.push_back(std::move(input.node));
  };
  take_inputs(*this);
  while (!doomed.empty()) {
    const std::shared_ptr<Node> node = std::move(doomed.back());
    doomed.pop_back();
    if (node.use_count() == 1) take_inputs(*node);
  }
}

const Tensor& Backward::grad_output(std::size_t i) const {
  OSTEON_CHECK(i < grad_outputs_.size(), node_.name, ": the rule asks for the gradient of output ",
               i, " of ", grad_outputs_.size());
  return grad_outputs_[i];
}

const Node::Input& Backward::input(std::size_t i) const {
  OSTEON_CHECK(i < node_.inputs.size(), node_.name, ": the rule asks about input ", i, " of ",
               node_.inputs.size());
  return node_.inputs[i];
}

Tensor Backward::gradient_memory(std::size_t i, DType computed) const {
  const Node::Input& to = input(i);
  if (computed == to.dtype || !may_be_narrower(to, dy().device())) return gradient_memory(i);
  return Tensor(to.shape, computed, dy().device());
}

Tensor Backward::gradient_memory(std::size_t i) const {
  const Node::Input& to = input(i);
  if (to.leaf.defined()) {
    const Tensor place = to.leaf.empty_bound_grad();
    if (place.defined()) return place;
  }
  return Tensor(to.shape, to.dtype, dy().device());
}

const Tensor& Backward::saved(std::size_t i) const {
  OSTEON_CHECK(i < node_.saved.size(), node_.name, ": the rule asks for saved tensor ", i, " of ",
               node_.saved.size());
  const Node::Saved& saved = node_.saved[i];
  OSTEON_CHECK(!saved.tensor.defined() || saved.tensor.version() == saved.version, node_.name,
               ": saved tensor ", i, " was changed in place before backward (version ",
               saved.tensor.version(), ", saved at ", saved.version, ")");
  return saved.tensor;
}

namespace {

// During its lifetime the ops of this thread are not observed.
class Unobserved {
 public:
  Unobserved() : before_(std::exchange(current_observer, nullptr)) {}
  Unobserved(const Unobserved&) = delete;
  Unobserved& operator=(const Unobserved&) = delete;
  ~Unobserved() { current_observer = before_; }

 private:
  const ObserveOps::Observer* before_;
};

void notify_observers(const Observation& op) {
  if (const ObserveOps::Observer* const observer = current_observer) {
    const Unobserved unobserved;
    (*observer)(op);
  }
}

// An output that is an input or already has a history would make the graph cyclic.
void check_outputs(const char* name, const Tensors& outputs, const Tensors& inputs) {
  for (std::size_t i = 0; i < outputs.size(); ++i) {
    OSTEON_CHECK(outputs[i].defined(), name, ": output ", i, " is undefined");
    bool own = !outputs[i].requires_grad();
    for (const Tensor& input : inputs) own &= !outputs[i].is_same(input);
    OSTEON_CHECK(own, name, ": output ", i,
                 " is not a new tensor; to return the memory of an input, return a view() of it");
  }
}

}  // namespace

namespace detail {

Tensors record(const char* name, Tensors outputs, const Tensors& inputs, const Tensors& saved,
               std::any attrs, Rule rule) {
  check_outputs(name, outputs, inputs);
  notify_observers({name, inputs, attrs, outputs});
  bool needed = false;
  for (const Tensor& input : inputs) needed |= input.defined() && input.requires_grad();
  if (!needed || !grad_enabled) return outputs;

  auto node = std::make_shared<Node>();
  node->name = name;
  node->sequence = next_sequence();
  for (const Tensor& input : inputs) node->inputs.push_back(make_input(input));
  for (const Tensor& tensor : saved)
    node->saved.push_back(tensor.defined() ? Node::Saved{tensor.detach(), tensor.version()}
                                           : Node::Saved{});
  node->attrs = std::move(attrs);
  node->rule = rule;
  for (std::size_t i = 0; i < outputs.size(); ++i) {
    node->outputs.push_back({outputs[i].shape(), outputs[i].dtype(), outputs[i].device()});
    if (is_floating(outputs[i].dtype())) outputs[i].set_history(node, i);
  }
  return outputs;
}

}  // namespace detail

namespace {

// Counts, for each leaf, the ops that have not yet added to its gradient. Needed only if gradients
// are observed.
class LeafCounts {
 public:
  explicit LeafCounts(const std::shared_ptr<Node>& last) {
    if (gradient_observer == nullptr) return;
    std::unordered_set<const Node*> seen{last.get()};
    std::vector<const Node*> open{last.get()};
    while (!open.empty()) {
      const Node* const node = open.back();
      open.pop_back();
      for (const Node::Input& input : node->inputs)
        if (input.node) {
          if (seen.insert(input.node.get()).second) open.push_back(input.node.get());
        } else if (input.leaf.defined()) {
          ++counts_[input.leaf.identity()];
        }
    }
  }

  void note_gradient(const Tensor& leaf) {
    if (gradient_observer != nullptr && --counts_.at(leaf.identity()) == 0)
      (*gradient_observer)(leaf);
  }

 private:
  std::unordered_map<const void*, std::size_t> counts_;
};

// Adds gradients to leaves. Gradients in a narrower dtype wait here, so that one launch converts
// all of them.
class LeafGradients {
 public:
  explicit LeafGradients(const std::shared_ptr<Node>& last) : counts_(last) {}

  void add(const Tensor& leaf, Tensor gradient) {
    if (gradient.dtype() == leaf.dtype()) return accumulate(leaf, std::move(gradient));
    // The memory of a leaf's gradient can be given to one of them only.
    const bool waits =
        std::ranges::any_of(leaves_, [&](const Tensor& each) { return each.is_same(leaf); });
    if (waits) finish();
    leaves_.push_back(leaf);
    narrow_.push_back(std::move(gradient));
    if (gradient_observer != nullptr) finish();
  }

  void finish() {
    Tensors wide;
    for (const Tensor& leaf : leaves_) {
      const Tensor place = leaf.empty_bound_grad();
      wide.push_back(place.defined() ? place : empty_like(leaf));
    }
    copy_(wide, narrow_);
    for (std::size_t i = 0; i < wide.size(); ++i) accumulate(leaves_[i], std::move(wide[i]));
    leaves_.clear();
    narrow_.clear();
  }

 private:
  void accumulate(const Tensor& leaf, Tensor gradient) {
    leaf.accumulate_grad(std::move(gradient));
    counts_.note_gradient(leaf);
  }

  LeafCounts counts_;
  Tensors leaves_, narrow_;
};

}  // namespace

void offer_relu_mask(const Tensor& output, const Tensor& mask) {
  if (output.grad_fn() && output.output_index() == 0) output.grad_fn()->relu_mask = mask;
}

void backward(const Tensor& loss) {
  OSTEON_CHECK(loss.numel() == 1, "backward: the loss has shape ", loss.shape(),
               "; reduce it to one element or pass its gradient");
  backward(loss, full(loss.shape(), 1, loss.dtype(), loss.device()));
}

void backward(const Tensor& output, const Tensor& grad_output) {
  OSTEON_CHECK(output.requires_grad(),
               "backward: the tensor was not computed from one that requires a gradient");
  OSTEON_CHECK(grad_output.shape() == output.shape() && grad_output.dtype() == output.dtype(),
               "backward: gradient ", grad_output.shape(), " ", grad_output.dtype(), " for output ",
               output.shape(), " ", output.dtype());
  const NoGrad no_grad;
  if (output.is_leaf()) {
    output.accumulate_grad(grad_output);
    if (gradient_observer != nullptr) (*gradient_observer)(output);
    return;
  }
  LeafGradients leaves(output.grad_fn());
  Pending pending;
  deliver(pending, output.grad_fn(), output.output_index(), grad_output);
  while (!pending.empty()) {
    auto [node, grad_outputs, is_masked] = std::move(pending.extract(pending.begin()).mapped());
    node->gradient_is_masked = is_masked;
    Collected collected(pending);
    Tensors gradients = run_rule(*node, std::move(grad_outputs), collected);
    if (backward_observer != nullptr) (*backward_observer)(*node);
    for (std::size_t i = 0; i < gradients.size(); ++i) {
      const Node::Input& input = node->inputs[i];
      if (!input.needs_grad()) continue;
      check_gradient(*node, i, gradients[i]);
      if (input.node) {
        deliver(pending, input.node, input.output_index, std::move(gradients[i]),
                collected.is_masked(input));
      } else {
        leaves.add(input.leaf, std::move(gradients[i]));
      }
    }
  }
  leaves.finish();
}

NoGrad::NoGrad() : before_(grad_enabled) { grad_enabled = false; }
NoGrad::~NoGrad() { grad_enabled = before_; }

EnableGrad::EnableGrad() : before_(grad_enabled) { grad_enabled = true; }
EnableGrad::~EnableGrad() { grad_enabled = before_; }

ObserveOps::ObserveOps(Observer observer) : before_(current_observer) {
  if (before_ == nullptr)
    observer_ = std::move(observer);
  else
    observer_ = [outer = before_, inner = std::move(observer)](const Observation& op) {
      (*outer)(op);
      inner(op);
    };
  current_observer = &observer_;
}
ObserveOps::~ObserveOps() { current_observer = before_; }

ObserveBackward::ObserveBackward(Observer observer)
    : observer_(std::move(observer)), before_(std::exchange(backward_observer, &observer_)) {}
ObserveBackward::~ObserveBackward() { backward_observer = before_; }

ObserveGradients::ObserveGradients(Observer observer)
    : observer_(std::move(observer)), before_(std::exchange(gradient_observer, &observer_)) {}
ObserveGradients::~ObserveGradients() { gradient_observer = before_; }

bool is_observed() { return current_observer != nullptr; }

bool is_grad_enabled() { return grad_enabled; }

}  // namespace osteon
