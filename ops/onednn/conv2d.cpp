// Convolution with oneDNN, f32 and bf16. Images keep their layout (nhwc); oneDNN chooses the layout
// of the weights (weights.h). Compiled primitives are cached per shape.
#include <dnnl.hpp>
#include <map>
#include <memory>
#include <mutex>

#include "ops/backend.h"
#include "ops/convolution/problem.h"
#include "ops/cpu/add_activation.h"
#include "ops/onednn/context.h"
#include "ops/onednn/faults.h"
#include "ops/onednn/onednn.h"
#include "ops/onednn/versions.h"
#include "ops/onednn/weights.h"

namespace osteon::onednn {
namespace {

using dnnl::memory;
using Tag = memory::format_tag;

// oneDNN always takes extents in NCHW and OIHW order, for any layout.
memory::desc image_desc(const Tensor& x) {
  return {{x.dim(0), x.dim(3), x.dim(1), x.dim(2)}, data_type(x.dtype()), Tag::nhwc};
}
memory::desc filter_desc(const Tensor& weight, std::int64_t groups) {
  const std::int64_t filters = weight.dim(0), height = weight.dim(1), width = weight.dim(2),
                     channels = weight.dim(3);
  if (groups == 1)
    return {{filters, channels, height, width}, data_type(weight.dtype()), Tag::ohwi};
  return {
      {groups, filters / groups, channels, height, width}, data_type(weight.dtype()), Tag::gohwi};
}

// The compiled primitive of a problem and the weight layout that it needs.
class Plan {
 public:
  explicit Plan(const Problem& problem)
      : plain_weight_(filter_desc(problem.weight, problem.options.groups)),
        x_(image_desc(problem.x)),
        y_(image_desc(problem.y)) {
    if (problem.bias.defined())
      bias_ = {{problem.bias.numel()}, data_type(problem.bias.dtype()), Tag::a};
    if (problem.direction == Direction::forward)
      make_forward(problem);
    else if (problem.direction == Direction::backward_input)
      make_backward_input(problem);
    else
      make_backward_weight(problem);
  }

  void forward(const Tensor& x, const Tensor& weight, const Tensor& bias, const Tensor& residual,
               const Tensor& y) const {
    const Tensor filters = prepared_weight(weight, plain_weight_, weight_, !is_grad_enabled());
    Arguments arguments{{DNNL_ARG_SRC, memory_of(x_, x)},
                        {DNNL_ARG_WEIGHTS, memory_of(weight_, filters)},
                        {DNNL_ARG_DST, memory_of(y_, y)}};
    if (bias.defined()) arguments.emplace(DNNL_ARG_BIAS, memory_of(bias_, bias));
    if (residual.defined())
      arguments.emplace(DNNL_ARG_ATTR_MULTIPLE_POST_OP(0) | DNNL_ARG_SRC_1,
                        memory_of(y_, residual));
    run(primitive_, scratchpad_, std::move(arguments));
  }

  void backward_input(const Tensor& dy, const Tensor& weight, const Tensor& dx) const {
    const Tensor filters = prepared_weight(weight, plain_weight_, weight_, false);
    run(primitive_, scratchpad_,
        {{DNNL_ARG_DIFF_DST, memory_of(y_, dy)},
         {DNNL_ARG_WEIGHTS, memory_of(weight_, filters)},
         {DNNL_ARG_DIFF_SRC, memory_of(x_, dx)}});
  }

  void backward_weight(const Tensor& dy, const Tensor& x, const Tensor& dweight) const {
    const bool is_plain = weight_ == plain_weight_;
    const Tensor room =
        is_plain ? dweight : Tensor({static_cast<std::int64_t>(weight_.get_size())}, DType::u8);
    memory result = memory_of(weight_, room);
    run(primitive_, scratchpad_,
        {{DNNL_ARG_DIFF_DST, memory_of(y_, dy)},
         {DNNL_ARG_SRC, memory_of(x_, x)},
         {DNNL_ARG_DIFF_WEIGHTS, result}});
    if (is_plain) return;
    memory plain = memory_of(plain_weight_, dweight);
    dnnl::stream stream(engine());
    dnnl::reorder(result, plain).execute(stream, result, plain);
    stream.wait();
  }

  // oneDNN's name of the implementation.
  const std::string& implementation() const { return implementation_; }

 private:
  static constexpr auto kAlgorithm = dnnl::algorithm::convolution_direct;

  struct Geometry {
    explicit Geometry(const Conv2dOptions& options)
        : stride{options.stride.height, options.stride.width},
          dilation{options.dilation.height - 1, options.dilation.width - 1},
          begin{options.padding.top, options.padding.left},
          end{options.padding.bottom, options.padding.right} {}
    memory::dims stride, dilation, begin, end;
  };

  // The weights as an operand: in the images' precision, in the layout that oneDNN prefers.
  memory::desc any_weight() const { return {dims_of(plain_weight_), type_of(x_), Tag::any}; }

  dnnl::convolution_forward::primitive_desc forward_desc(const Problem& problem,
                                                         const dnnl::primitive_attr& attributes,
                                                         dnnl::prop_kind kind) const {
    const Geometry g(problem.options);
    using Primitive = dnnl::convolution_forward;
    if (problem.bias.defined())
      return describe<Primitive>(engine(), attributes, kind, kAlgorithm, x_, any_weight(), bias_,
                                 y_, g.stride, g.dilation, g.begin, g.end);
    return describe<Primitive>(engine(), attributes, kind, kAlgorithm, x_, any_weight(), y_,
                               g.stride, g.dilation, g.begin, g.end);
  }

  void make_forward(const Problem& problem) {
    dnnl::primitive_attr attributes = with_user_scratchpad();
    dnnl::post_ops post_ops;
    if (problem.residual) post_ops.append_binary(dnnl::algorithm::binary_add, y_);
    if (problem.activation == Activation::relu)
      append(post_ops, dnnl::algorithm::eltwise_relu, 0, 0);
    else if (problem.activation == Activation::relu6)
      append(post_ops, dnnl::algorithm::eltwise_clip, 0, 6);
    else if (problem.activation == Activation::silu)
      append(post_ops, dnnl::algorithm::eltwise_swish, 1, 0);
    attributes.set_post_ops(post_ops);
    const auto desc = forward_desc(problem, attributes, dnnl::prop_kind::forward_inference);
    take<dnnl::convolution_forward>(desc, desc.weights_desc());
  }

  void make_backward_input(const Problem& problem) {
    const Geometry g(problem.options);
    const auto attributes = with_user_scratchpad();
    using Primitive = dnnl::convolution_backward_data;
    const auto desc = describe_backward<Primitive>(
        engine(), attributes, forward_desc(problem, attributes, dnnl::prop_kind::forward_training),
        kAlgorithm, x_, any_weight(), y_, g.stride, g.dilation, g.begin, g.end);
    take<Primitive>(desc, desc.weights_desc());
  }

  void make_backward_weight(const Problem& problem) {
    const Geometry g(problem.options);
    const auto attributes = with_user_scratchpad();
    const memory::desc gradient(dims_of(plain_weight_), type_of(plain_weight_), Tag::any);
    using Primitive = dnnl::convolution_backward_weights;
    const auto desc = describe_backward<Primitive>(
        engine(), attributes, forward_desc(problem, attributes, dnnl::prop_kind::forward_training),
        kAlgorithm, x_, gradient, y_, g.stride, g.dilation, g.begin, g.end);
    take<Primitive>(desc, desc.diff_weights_desc());
  }

  template <class Primitive, class Description>
  void take(const Description& description, const memory::desc& weight) {
    implementation_ = description.impl_info_str();
    primitive_ = Primitive(description);
    weight_ = weight;
    scratchpad_ = description.scratchpad_desc();
  }

  std::string implementation_;
  memory::desc plain_weight_, weight_, x_, y_, bias_, scratchpad_;
  dnnl::primitive primitive_;
};

// The plan for a problem, compiled at first use; null if oneDNN has no correct implementation.
std::shared_ptr<const Plan> find_plan(const Problem& problem) {
  static std::mutex mutex;
  static std::map<Problem::Key, std::shared_ptr<const Plan>> plans;
  const std::lock_guard lock(mutex);
  const auto [entry, is_new] = plans.try_emplace(problem.key());
  if (is_new) try {
      entry->second = std::make_shared<Plan>(problem);
    } catch (const dnnl::error&) {
      // No implementation for this case; null is cached.
    }
  const auto& plan = entry->second;
  return plan && has_known_fault(problem, plan->implementation()) ? nullptr : plan;
}

bool is_ours(const Tensor& x) {
  return backend() != Backend::reference && (x.dtype() == DType::f32 || x.dtype() == DType::bf16) &&
         x.numel() > 0;
}

}  // namespace

bool conv2d_forward(const Tensor& x, const Tensor& weight, const Tensor& bias,
                    const Tensor& residual, Activation activation, const Conv2dOptions& options,
                    const Tensor& y) {
  if (!is_ours(x)) return false;
  const Activation at_once = residual.defined() ? Activation::none : activation;
  const auto bare = find_plan({Direction::forward, x, weight, y, bias, options, false, at_once});
  if (!bare) return false;
  if (!residual.defined()) {
    bare->forward(x, weight, bias, residual, y);
    return true;
  }
  // Some fast implementations of oneDNN do not add a residual, or add it incorrectly (faults.cpp).
  // Then the addition is a separate pass.
  const auto joined =
      find_plan({Direction::forward, x, weight, y, bias, options, true, activation});
  if (joined && joined->implementation() == bare->implementation()) {
    joined->forward(x, weight, bias, residual, y);
  } else {
    bare->forward(x, weight, bias, Tensor(), y);
    cpu::add_activation(residual, activation, y);
  }
  return true;
}

bool conv2d_backward_input(const Tensor& dy, const Tensor& weight, const Conv2dOptions& options,
                           const Tensor& dx) {
  if (!is_ours(dx)) return false;
  const auto plan = find_plan({Direction::backward_input, dx, weight, dy, Tensor(), options});
  if (plan) plan->backward_input(dy, weight, dx);
  return plan != nullptr;
}

bool conv2d_backward_weight(const Tensor& dy, const Tensor& x, const Conv2dOptions& options,
                            const Tensor& dweight) {
  if (!is_ours(x)) return false;
  const auto plan = find_plan({Direction::backward_weight, x, dweight, dy, Tensor(), options});
  if (plan) plan->backward_weight(dy, x, dweight);
  return plan != nullptr;
}

}  // namespace osteon::onednn
