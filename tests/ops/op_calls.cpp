// Calls an op by its name, with options from JSON; one line per op.
#include <algorithm>
#include <functional>
#include <map>

#include "ops/ops.h"
#include "tests/ops/op_cases.h"

namespace osteon {
namespace {

using nlohmann::json;
using Integers = std::vector<std::int64_t>;

// The arguments of a call.
struct Arguments {
  const Tensors& inputs;
  const json& attrs;
  DType run;

  Tensor operator[](std::size_t i) const { return i < inputs.size() ? inputs[i] : Tensor(); }
  template <class T>
  T get(const char* name, T otherwise) const {
    return attrs.value(name, otherwise);
  }
  // One number for both directions, or [height, width].
  Spatial spatial(const char* name, Spatial otherwise) const {
    const auto found = attrs.find(name);
    if (found == attrs.end()) return otherwise;
    if (found->is_number()) return found->get<std::int64_t>();
    return {found->at(0).get<std::int64_t>(), found->at(1).get<std::int64_t>()};
  }
  // The same, or [top, bottom, left, right].
  Padding sides(const char* name, Padding otherwise) const {
    const auto found = attrs.find(name);
    if (found == attrs.end()) return otherwise;
    if (!found->is_array() || found->size() == 2) return spatial(name, 0);
    const auto side = [&](std::size_t i) { return found->at(i).get<std::int64_t>(); };
    return {side(0), side(1), side(2), side(3)};
  }
  Activation activation(const char* otherwise) const {
    const std::map<std::string, Activation> names = {{"none", Activation::none},
                                                     {"relu", Activation::relu},
                                                     {"relu6", Activation::relu6},
                                                     {"silu", Activation::silu}};
    return names.at(get<std::string>("activation", otherwise));
  }
  std::int64_t dim() const { return get<std::int64_t>("dim", 0); }
  DType dtype(const char* name) const {
    const std::string text = get<std::string>(name, format(run));
    for (const DType each : {DType::f64, DType::f32, DType::bf16, DType::i64, DType::u8})
      if (format(each) == text) return each;
    throw Error("op_cases: no dtype is called " + text);
  }
};

// Those that a convolution and a transposed one share.
template <class Options>
Options convolution_options(const Arguments& a) {
  Options options;
  options.stride = a.spatial("stride", options.stride);
  options.padding = a.sides("padding", options.padding);
  options.dilation = a.spatial("dilation", options.dilation);
  options.groups = a.get("groups", options.groups);
  return options;
}

Conv2dOptions conv2d_options(const Arguments& a) { return convolution_options<Conv2dOptions>(a); }

ConvTranspose2dOptions conv_transpose2d_options(const Arguments& a) {
  auto options = convolution_options<ConvTranspose2dOptions>(a);
  options.output_padding = a.spatial("output_padding", options.output_padding);
  return options;
}

BatchNormOptions batch_norm_options(const Arguments& a) {
  BatchNormOptions options;
  options.training = a.get("training", options.training);
  options.momentum = a.get("momentum", options.momentum);
  options.epsilon = a.get("epsilon", options.epsilon);
  options.activation = a.activation("none");
  return options;
}

Tensor dense_block_of(const Arguments& a) {
  DenseBlockOptions options;
  options.training = a.get("training", options.training);
  options.momentum = a.get("momentum", options.momentum);
  options.epsilon = a.get("epsilon", options.epsilon);
  std::vector<DenseLayer> layers;
  for (std::size_t i = 1; i + 10 <= a.inputs.size(); i += 10)
    layers.push_back({a[i], a[i + 1], a[i + 2], a[i + 3], a[i + 4], a[i + 5], a[i + 6], a[i + 7],
                      a[i + 8], a[i + 9]});
  return dense_block(a[0], layers, options);
}

Pool2dOptions pool2d_options(const Arguments& a) {
  Pool2dOptions options;
  options.kernel_size = a.spatial("kernel_size", options.kernel_size);
  options.stride = a.spatial("stride", options.stride);
  options.padding = a.sides("padding", options.padding);
  options.ceil_mode = a.get("ceil_mode", options.ceil_mode);
  options.count_include_pad = a.get("count_include_pad", options.count_include_pad);
  return options;
}

UpsampleOptions upsample_options(const Arguments& a) {
  UpsampleOptions options;
  const auto mode = a.get<std::string>("mode", "nearest");
  options.mode = mode == "bilinear"  ? UpsampleMode::bilinear
                 : mode == "bicubic" ? UpsampleMode::bicubic
                                     : UpsampleMode::nearest;
  options.align_corners = a.get("align_corners", options.align_corners);
  options.antialias = a.get("antialias", options.antialias);
  return options;
}

WarpOptions warp_options(const Arguments& a) {
  WarpOptions options;
  options.height = a.get<std::int64_t>("height", 1);
  options.width = a.get<std::int64_t>("width", 1);
  options.mean = a.get<std::vector<double>>("mean", {});
  options.std = a.get<std::vector<double>>("std", {});
  options.dtype = a.dtype("dtype");
  return options;
}

template <Tensor (*function)(const Tensor&)>
Tensor unary(const Arguments& a) {
  return function(a[0]);
}

PadMode pad_mode(const Arguments& a) {
  const auto mode = a.get<std::string>("mode", "constant");
  return mode == "reflect"     ? PadMode::reflect
         : mode == "replicate" ? PadMode::replicate
                               : PadMode::constant;
}

// The pieces of a split, joined in reverse order.
Tensor split_and_reverse(const Arguments& a) {
  Tensors pieces = a.attrs.contains("sizes") ? split(a[0], a.get<Integers>("sizes", {}), a.dim())
                                             : split(a[0], a.get<std::int64_t>("size", 1), a.dim());
  std::reverse(pieces.begin(), pieces.end());
  return concat(pieces, a.dim());
}

using Reduction = Tensor (*)(const Tensor&, const Integers&, bool);
template <Reduction reduction>
Tensor reduce(const Arguments& a) {
  return reduction(a[0], a.get<Integers>("dims", {}), a.get("keepdim", false));
}

using Spread = Tensor (*)(const Tensor&, const Integers&, std::int64_t, bool);
template <Spread spread>
Tensor spread_of(const Arguments& a) {
  return spread(a[0], a.get<Integers>("dims", {}), a.get<std::int64_t>("correction", 1),
                a.get("keepdim", false));
}

// An operator with two tensors, or with a tensor and the number "left" or "right".
template <class Operator>
Tensor binary(const Arguments& a, const Operator& op) {
  if (a.attrs.contains("left")) return op(a.get("left", 0.0), a[0]);
  if (a.attrs.contains("right")) return op(a[0], a.get("right", 0.0));
  return op(a[0], a[1]);
}

// The same for functions without an operator.
template <Tensor (*tensors)(const Tensor&, const Tensor&), Tensor (*number)(const Tensor&, double)>
Tensor compare(const Arguments& a) {
  return a.attrs.contains("right") ? number(a[0], a.get("right", 0.0)) : tensors(a[0], a[1]);
}

using Call = Tensor (*)(const Arguments&);
const std::map<std::string, Call>& calls() {
  static const std::map<std::string, Call> table = {
      {"conv2d", [](const Arguments& a) { return conv2d(a[0], a[1], a[2], conv2d_options(a)); }},
      {"conv2d_add_activation",
       [](const Arguments& a) {
         return conv2d_add_activation(a[0], a[1], a[2], a[3], a.activation("relu"),
                                      conv2d_options(a));
       }},
      {"batch_norm",
       [](const Arguments& a) {
         return batch_norm(a[0], a[1], a[2], a[3], a[4], batch_norm_options(a), a[5]);
       }},
      {"dense_block", dense_block_of},
      {"layer_norm",
       [](const Arguments& a) { return layer_norm(a[0], a[1], a[2], a.get("epsilon", 1e-5)); }},
      {"group_norm",
       [](const Arguments& a) {
         return group_norm(a[0], a.get<std::int64_t>("groups", 1), a[1], a[2],
                           a.get("epsilon", 1e-5));
       }},
      {"standardised",
       [](const Arguments& a) { return standardised(a[0], a.get("epsilon", 1e-6)); }},
      {"max_pool2d", [](const Arguments& a) { return max_pool2d(a[0], pool2d_options(a)); }},
      {"avg_pool2d", [](const Arguments& a) { return avg_pool2d(a[0], pool2d_options(a)); }},
      {"adaptive_avg_pool2d",
       [](const Arguments& a) { return adaptive_avg_pool2d(a[0], a.spatial("output", 1)); }},
      {"upsample",
       [](const Arguments& a) {
         return upsample(a[0], a.spatial("size", 1), upsample_options(a));
       }},
      {"conv_transpose2d",
       [](const Arguments& a) {
         return conv_transpose2d(a[0], a[1], a[2], conv_transpose2d_options(a));
       }},
      {"global_avg_pool2d", [](const Arguments& a) { return global_avg_pool2d(a[0]); }},
      {"linear", [](const Arguments& a) { return linear(a[0], a[1], a[2]); }},
      {"matmul",
       [](const Arguments& a) {
         return matmul(a[0], a[1], a.get("transpose_a", false), a.get("transpose_b", false));
       }},
      {"scaled_dot_product_attention",
       [](const Arguments& a) { return scaled_dot_product_attention(a[0], a[1], a[2]); }},
      {"neg", [](const Arguments& a) { return -a[0]; }},
      {"abs", unary<abs>},
      {"sign", unary<sign>},
      {"sqrt", unary<sqrt>},
      {"rsqrt", unary<rsqrt>},
      {"exp", unary<exp>},
      {"expm1", unary<expm1>},
      {"log", unary<log>},
      {"log1p", unary<log1p>},
      {"sin", unary<sin>},
      {"cos", unary<cos>},
      {"erf", unary<erf>},
      {"clamp",
       [](const Arguments& a) { return clamp(a[0], a.get("min", 0.0), a.get("max", 0.0)); }},
      {"pow", [](const Arguments& a) { return pow(a[0], a.get("exponent", 1.0)); }},
      {"relu", unary<relu>},
      {"sigmoid", unary<sigmoid>},
      {"relu6", unary<relu6>},
      {"tanh", unary<tanh>},
      {"silu", unary<silu>},
      {"hardsigmoid", unary<hardsigmoid>},
      {"hardswish", unary<hardswish>},
      {"leaky_relu",
       [](const Arguments& a) { return leaky_relu(a[0], a.get("negative_slope", 0.01)); }},
      {"elu", [](const Arguments& a) { return elu(a[0], a.get("alpha", 1.0)); }},
      {"gelu", [](const Arguments& a) { return gelu(a[0]); }},
      {"gelu_tanh", [](const Arguments& a) { return gelu(a[0], Approximate::tanh); }},
      {"softplus",
       [](const Arguments& a) {
         return softplus(a[0], a.get("beta", 1.0), a.get("threshold", 20.0));
       }},
      {"maximum", [](const Arguments& a) { return maximum(a[0], a[1]); }},
      {"minimum", [](const Arguments& a) { return minimum(a[0], a[1]); }},
      {"add", [](const Arguments& a) { return binary(a, std::plus()); }},
      {"sub", [](const Arguments& a) { return binary(a, std::minus()); }},
      {"mul", [](const Arguments& a) { return binary(a, std::multiplies()); }},
      {"div", [](const Arguments& a) { return binary(a, std::divides()); }},
      {"eq", compare<eq, eq>},
      {"ne", compare<ne, ne>},
      {"lt", compare<lt, lt>},
      {"le", compare<le, le>},
      {"gt", compare<gt, gt>},
      {"ge", compare<ge, ge>},
      {"where", [](const Arguments& a) { return where(a[0], a[1], a[2]); }},
      {"cast", [](const Arguments& a) { return cast(a[0], a.dtype("dtype")); }},
      {"sum", reduce<sum>},
      {"mean", reduce<mean>},
      {"amax", reduce<amax>},
      {"var", spread_of<var>},
      {"std", spread_of<std>},
      {"logsumexp", reduce<logsumexp>},
      {"any", reduce<any>},
      {"all", reduce<all>},
      {"argmax",
       [](const Arguments& a) {
         return argmax(a[0], a.get<std::int64_t>("dim", -1), a.get("keepdim", false));
       }},
      {"argmin",
       [](const Arguments& a) {
         return argmin(a[0], a.get<std::int64_t>("dim", -1), a.get("keepdim", false));
       }},
      {"topk", [](const Arguments& a) { return topk(a[0], a.get<std::int64_t>("k", 1)).values; }},
      {"topk_indices",
       [](const Arguments& a) { return topk(a[0], a.get<std::int64_t>("k", 1)).indices; }},
      {"reshape", [](const Arguments& a) { return reshape(a[0], a.get<Integers>("extents", {})); }},
      {"permute", [](const Arguments& a) { return permute(a[0], a.get<Integers>("order", {})); }},
      {"concat",
       [](const Arguments& a) { return concat(a.inputs, a.get<std::int64_t>("dim", 0)); }},
      {"narrow",
       [](const Arguments& a) {
         return narrow(a[0], a.get<std::int64_t>("dim", 0), a.get<std::int64_t>("start", 0),
                       a.get<std::int64_t>("length", 1));
       }},
      {"flatten",
       [](const Arguments& a) {
         return flatten(a[0], a.get<std::int64_t>("start_dim", 0),
                        a.get<std::int64_t>("end_dim", -1));
       }},
      {"squeeze", [](const Arguments& a) { return squeeze(a[0], a.dim()); }},
      {"unsqueeze", [](const Arguments& a) { return unsqueeze(a[0], a.dim()); }},
      {"expand", [](const Arguments& a) { return expand(a[0], a.get<Integers>("extents", {})); }},
      {"stack", [](const Arguments& a) { return stack(a.inputs, a.dim()); }},
      {"split", split_and_reverse},
      {"slice",
       [](const Arguments& a) {
         return slice(a[0], a.dim(), a.get<std::int64_t>("start", 0), a.get<std::int64_t>("end", 0),
                      a.get<std::int64_t>("step", 1));
       }},
      {"flip", [](const Arguments& a) { return flip(a[0], a.get<Integers>("dims", {})); }},
      {"roll",
       [](const Arguments& a) {
         return roll(a[0], a.get<Integers>("shifts", {}), a.get<Integers>("dims", {}));
       }},
      {"pad",
       [](const Arguments& a) {
         return pad(a[0], a.sides("padding", 0), pad_mode(a), a.get("value", 0.0));
       }},
      {"index_select", [](const Arguments& a) { return index_select(a[0], a[1], a.dim()); }},
      {"gather", [](const Arguments& a) { return gather(a[0], a.dim(), a[1]); }},
      {"scatter_add", [](const Arguments& a) { return scatter_add(a[0], a.dim(), a[1], a[2]); }},
      {"one_hot",
       [](const Arguments& a) { return one_hot(a[0], a.get<std::int64_t>("num_classes", 1)); }},
      {"softmax", [](const Arguments& a) { return softmax(a[0]); }},
      {"log_softmax", [](const Arguments& a) { return log_softmax(a[0]); }},
      {"binary_cross_entropy_with_logits",
       [](const Arguments& a) {
         return binary_cross_entropy_with_logits(a[0], a[1], a[2], a.get("positive_weight", 1.0));
       }},
      {"cross_entropy",
       [](const Arguments& a) {
         CrossEntropyOptions options;
         options.label_smoothing = a.get("label_smoothing", options.label_smoothing);
         options.ignore_index = a.get("ignore_index", options.ignore_index);
         return cross_entropy(a[0], a[1], a[2], options);
       }},
      {"focal_loss",
       [](const Arguments& a) {
         return focal_loss(a[0], a[1], a.get("alpha", 0.25), a.get("gamma", 2.0));
       }},
      {"mse_loss", [](const Arguments& a) { return mse_loss(a[0], a[1]); }},
      {"smooth_l1_loss",
       [](const Arguments& a) { return smooth_l1_loss(a[0], a[1], a.get("beta", 1.0)); }},
      {"dropout", [](const Arguments& a) { return dropout(a[0], a.get("p", 0.5), a[1]); }},
      {"drop_path", [](const Arguments& a) { return drop_path(a[0], a.get("p", 0.5), a[1]); }},
      {"warp_affine", [](const Arguments& a) { return warp_affine(a[0], a[1], warp_options(a)); }},
      // One tensor used several times: its gradients must be summed.
      {"add_to_itself", [](const Arguments& a) { return a[0] + a[0]; }},
      {"square", unary<square>},
      {"concat_with_itself",
       [](const Arguments& a) {
         return concat({a[0], a[0]}, -1);
       }},
      {"three_uses", [](const Arguments& a) { return relu(a[0]) * a[0] + sigmoid(a[0]); }},
  };
  return table;
}

}  // namespace

Tensor call_op(const std::string& op, const Tensors& inputs, const json& attrs, DType run) {
  const auto found = calls().find(op);
  OSTEON_CHECK(found != calls().end(), "op_cases: no call is known for op ", op);
  return found->second({inputs, attrs, run});
}

std::vector<std::string> callable_ops() {
  std::vector<std::string> names;
  for (const auto& [name, call] : calls()) names.push_back(name);
  return names;
}

}  // namespace osteon
