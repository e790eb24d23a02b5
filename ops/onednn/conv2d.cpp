// Convolution on oneDNN, f32. Images stay as they are (nhwc); oneDNN chooses the layout of the
// weights, which are reordered on each use. What was compiled for a shape is kept.
#include <dnnl.hpp>
#include <map>
#include <memory>
#include <mutex>
#include <tuple>

#include "ops/backend.h"
#include "ops/onednn/onednn.h"

namespace osteon::onednn {
namespace {

using dnnl::memory;
using Tag = memory::format_tag;
using Arguments = std::unordered_map<int, memory>;

enum class Direction { forward, backward_input, backward_weight };

const dnnl::engine& engine() {
  static const dnnl::engine cpu(dnnl::engine::kind::cpu, 0);
  return cpu;
}

// oneDNN wants NCHW and OIHW extents whatever the layout.
memory::desc image_desc(const Shape& s) {
  return {{s[0], s[3], s[1], s[2]}, memory::data_type::f32, Tag::nhwc};
}
memory::dims filter_dims(const Shape& s, std::int64_t groups) {
  if (groups == 1) return {s[0], s[3], s[1], s[2]};
  return {groups, s[0] / groups, s[3], s[1], s[2]};
}

// One convolution of given shapes in one direction: the compiled primitive and the layout it wants
// the weights in.
class Plan {
 public:
  Plan(Direction direction, const Shape& x, const Shape& weight, const Shape& y, bool with_bias,
       const Conv2dOptions& options)
      : plain_weight_(filter_dims(weight, options.groups), memory::data_type::f32,
                      options.groups == 1 ? Tag::ohwi : Tag::gohwi),
        x_(image_desc(x)),
        y_(image_desc(y)),
        bias_({weight[0]}, memory::data_type::f32, Tag::a) {
    const memory::desc any(plain_weight_.dims(), memory::data_type::f32, Tag::any);
    const memory::dims stride{options.stride.height, options.stride.width};
    const memory::dims dilation{options.dilation.height - 1, options.dilation.width - 1};
    const memory::dims padding{options.padding.height, options.padding.width};
    const auto algorithm = dnnl::algorithm::convolution_direct;
    dnnl::primitive_attr attributes;
    attributes.set_scratchpad_mode(dnnl::scratchpad_mode::user);
    using Forward = dnnl::convolution_forward;
    const Forward::desc forward =
        with_bias ? Forward::desc(dnnl::prop_kind::forward_training, algorithm, x_, any, bias_, y_,
                                  stride, dilation, padding, padding)
                  : Forward::desc(dnnl::prop_kind::forward_training, algorithm, x_, any, y_, stride,
                                  dilation, padding, padding);
    const Forward::primitive_desc hint(forward, attributes, engine());
    if (direction == Direction::forward) {
      take<Forward>(hint, hint.weights_desc());
    } else if (direction == Direction::backward_input) {
      using Backward = dnnl::convolution_backward_data;
      const Backward::primitive_desc desc(
          Backward::desc(algorithm, x_, any, y_, stride, dilation, padding, padding), attributes,
          engine(), hint);
      take<Backward>(desc, desc.weights_desc());
    } else {
      using Backward = dnnl::convolution_backward_weights;
      const Backward::primitive_desc desc(
          Backward::desc(algorithm, x_, any, y_, stride, dilation, padding, padding), attributes,
          engine(), hint);
      take<Backward>(desc, desc.diff_weights_desc());
    }
  }

  void forward(const Tensor& x, const Tensor& weight, const Tensor& bias, const Tensor& y) const {
    const Tensor room = reorder_room();
    Arguments arguments{{DNNL_ARG_SRC, memory(x_, engine(), x.raw())},
                        {DNNL_ARG_WEIGHTS, reordered(weight, room)},
                        {DNNL_ARG_DST, memory(y_, engine(), y.raw())}};
    if (bias.defined()) arguments.emplace(DNNL_ARG_BIAS, memory(bias_, engine(), bias.raw()));
    run(std::move(arguments));
  }

  void backward_input(const Tensor& dy, const Tensor& weight, const Tensor& dx) const {
    const Tensor room = reorder_room();
    run({{DNNL_ARG_DIFF_DST, memory(y_, engine(), dy.raw())},
         {DNNL_ARG_WEIGHTS, reordered(weight, room)},
         {DNNL_ARG_DIFF_SRC, memory(x_, engine(), dx.raw())}});
  }

  void backward_weight(const Tensor& dy, const Tensor& x, const Tensor& dweight) const {
    memory plain(plain_weight_, engine(), dweight.raw());
    const Tensor room = reorder_room();
    memory result = room.defined() ? memory(weight_, engine(), room.raw()) : plain;
    run({{DNNL_ARG_DIFF_DST, memory(y_, engine(), dy.raw())},
         {DNNL_ARG_SRC, memory(x_, engine(), x.raw())},
         {DNNL_ARG_DIFF_WEIGHTS, result}});
    if (room.defined()) copy(result, plain);
  }

 private:
  template <class Primitive, class Description>
  void take(const Description& description, const memory::desc& weight) {
    primitive_ = Primitive(description);
    weight_ = weight;
    scratchpad_ = description.scratchpad_desc();
  }

  // Memory for the weights in oneDNN's layout; undefined where that is ours.
  Tensor reorder_room() const {
    if (weight_ == plain_weight_) return {};
    return Tensor({static_cast<std::int64_t>(weight_.get_size())}, DType::u8);
  }

  memory reordered(const Tensor& weight, const Tensor& room) const {
    memory plain(plain_weight_, engine(), weight.raw());
    if (!room.defined()) return plain;
    memory wanted(weight_, engine(), room.raw());
    copy(plain, wanted);
    return wanted;
  }

  static void copy(memory& from, memory& to) {
    dnnl::stream stream(engine());
    dnnl::reorder(from, to).execute(stream, from, to);
    stream.wait();
  }

  void run(Arguments arguments) const {
    const Tensor scratchpad({static_cast<std::int64_t>(scratchpad_.get_size())}, DType::u8);
    arguments.emplace(DNNL_ARG_SCRATCHPAD, memory(scratchpad_, engine(), scratchpad.raw()));
    dnnl::stream stream(engine());
    primitive_.execute(stream, arguments);
    stream.wait();
  }

  memory::desc plain_weight_, weight_, x_, y_, bias_, scratchpad_;
  dnnl::primitive primitive_;
};

// The plan for these shapes, compiled at first use; null where oneDNN has none.
std::shared_ptr<const Plan> find_plan(Direction direction, const Shape& x, const Shape& weight,
                                      const Shape& y, bool with_bias,
                                      const Conv2dOptions& options) {
  using Key = std::tuple<Direction, std::vector<std::int64_t>, std::vector<std::int64_t>,
                         std::vector<std::int64_t>, bool>;
  static std::mutex mutex;
  static std::map<Key, std::shared_ptr<const Plan>> plans;
  const Key key{
      direction,
      x.extents(),
      weight.extents(),
      {options.stride.height, options.stride.width, options.padding.height, options.padding.width,
       options.dilation.height, options.dilation.width, options.groups},
      with_bias};
  const std::lock_guard lock(mutex);
  const auto [entry, is_new] = plans.try_emplace(key);
  if (is_new) try {
      entry->second = std::make_shared<Plan>(direction, x, weight, y, with_bias, options);
    } catch (const dnnl::error&) {
      // No implementation for this case: remembered as null.
    }
  return entry->second;
}

bool is_ours(const Tensor& x) {
  return backend() == Backend::automatic && x.dtype() == DType::f32 && x.numel() > 0;
}

}  // namespace

bool conv2d_forward(const Tensor& x, const Tensor& weight, const Tensor& bias,
                    const Conv2dOptions& options, const Tensor& y) {
  if (!is_ours(x)) return false;
  const auto plan =
      find_plan(Direction::forward, x.shape(), weight.shape(), y.shape(), bias.defined(), options);
  if (plan) plan->forward(x, weight, bias, y);
  return plan != nullptr;
}

bool conv2d_backward_input(const Tensor& dy, const Tensor& weight, const Conv2dOptions& options,
                           const Tensor& dx) {
  if (!is_ours(dx)) return false;
  const auto plan =
      find_plan(Direction::backward_input, dx.shape(), weight.shape(), dy.shape(), false, options);
  if (plan) plan->backward_input(dy, weight, dx);
  return plan != nullptr;
}

bool conv2d_backward_weight(const Tensor& dy, const Tensor& x, const Conv2dOptions& options,
                            const Tensor& dweight) {
  if (!is_ours(x)) return false;
  const auto plan =
      find_plan(Direction::backward_weight, x.shape(), dweight.shape(), dy.shape(), false, options);
  if (plan) plan->backward_weight(dy, x, dweight);
  return plan != nullptr;
}

}  // namespace osteon::onednn
