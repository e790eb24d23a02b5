// Translates specs to cudnn-frontend. cuDNN uses [N,C,H,W] and strides; with channels innermost
// this is our [N,H,W,C]. For attention it uses [N,heads,L,E] and strides, which describe our
// [N,L,heads,E]. A tensor's id in a graph is its Role.
#include "ops/cuda/cudnn/graph.h"

#include <cudnn_frontend.h>

#include <unordered_map>
#include <vector>

#include "tensor/cuda/context.h"

namespace osteon::cuda {
namespace {

namespace fe = cudnn_frontend;
using fe::graph::Graph;
using fe::graph::Tensor_attributes;
using GraphTensor = std::shared_ptr<Tensor_attributes>;
using CudnnHandle = Handle<cudnnHandle_t, cudnnDestroy>;

// The first line of cuDNN's message (a log of all attempts follows it), and the line that says that
// a library such as NVRTC is missing.
std::string reason_of(fe::error_t status) {
  const std::string message = status.get_message();
  const auto line_at = [&](std::size_t begin) {
    return message.substr(begin, message.find('\n', begin) - begin);
  };
  const std::size_t missing = message.find(kMissingLibrary);
  return line_at(0) + (missing == std::string::npos ? "" : "; " + line_at(missing));
}

void check(const char* step, fe::error_t status) {
  if (status.is_good()) return;
  throw Error(format(cudnn_version(), ": ", step, ": ", reason_of(status)));
}

void check(const char* call, cudnnStatus_t status) {
  OSTEON_CHECK(status == CUDNN_STATUS_SUCCESS, cudnn_version(), ": ", call, ": ",
               cudnnGetErrorString(status));
}

fe::DataType_t data_type(DType dtype) {
  switch (dtype) {
    case DType::f64:
      return fe::DataType_t::DOUBLE;
    case DType::f32:
      return fe::DataType_t::FLOAT;
    case DType::bf16:
      return fe::DataType_t::BFLOAT16;
    default:
      throw Error(format(cudnn_version(), ": unsupported dtype ", dtype));
  }
}

fe::DataType_t accumulator_type(DType dtype) {
  return data_type(dtype == DType::bf16 ? DType::f32 : dtype);
}

// Builds a Graph with the tensors and operations of one spec.
class Composer {
 public:
  Composer(Graph& graph, DType dtype, bool allow_nondeterministic)
      : graph_(graph),
        storage_(data_type(dtype)),
        accumulator_(accumulator_type(dtype)),
        allow_nondeterministic_(allow_nondeterministic) {
    graph_.set_io_data_type(storage_)
        .set_intermediate_data_type(accumulator_)
        .set_compute_data_type(accumulator_);
  }

  void add(const ConvolutionSpec& spec) {
    switch (spec.pass) {
      case ConvolutionSpec::Pass::forward:
        return forward(spec);
      case ConvolutionSpec::Pass::backward_input:
        return backward_input(spec);
      case ConvolutionSpec::Pass::backward_weight:
        return output(Role::dweight, spec.weight,
                      graph_.conv_wgrad(image(Role::dy, spec.y), image(Role::x, spec.x),
                                        window<fe::graph::Conv_wgrad_attributes>(spec)));
    }
  }

  void add(const BatchNormSpec& spec) {
    spec.pass == BatchNormSpec::Pass::forward ? forward(spec) : backward(spec);
  }

  void add(const AttentionSpec& spec) {
    spec.pass == AttentionSpec::Pass::forward ? forward(spec) : backward(spec);
  }

 private:
  using Mode = fe::PointwiseMode_t;

  template <class Attributes>
  static Attributes window(const ConvolutionSpec& spec) {
    const auto& [stride, padding, dilation, groups] = spec.options;
    return Attributes()
        .set_pre_padding({padding.top, padding.left})
        .set_post_padding({padding.bottom, padding.right})
        .set_stride({stride.height, stride.width})
        .set_dilation({dilation.height, dilation.width});
  }

  static Tensor_attributes& describe_image(Tensor_attributes& tensor, const Shape& shape) {
    const std::int64_t h = shape[1], w = shape[2], c = shape[3];
    return tensor.set_dim({shape[0], c, h, w}).set_stride({h * w * c, 1, w * c, c});
  }

  // Images [N,H,W,C] and filters [K,R,S,C] have the same layout for cuDNN.
  GraphTensor image(Role role, const Shape& shape) {
    Tensor_attributes tensor;
    describe_image(tensor, shape).set_uid(static_cast<std::int64_t>(role)).set_data_type(storage_);
    return graph_.tensor(tensor);
  }

  GraphTensor channel(Role role, std::int64_t channels) {
    Tensor_attributes tensor;
    describe_image(tensor, {1, 1, 1, channels})
        .set_uid(static_cast<std::int64_t>(role))
        .set_data_type(accumulator_);
    return graph_.tensor(tensor);
  }

  GraphTensor mask(const Shape& shape) {
    Tensor_attributes tensor;
    describe_image(tensor, shape)
        .set_uid(static_cast<std::int64_t>(Role::relu_mask))
        .set_data_type(fe::DataType_t::BOOLEAN);
    return graph_.tensor(tensor);
  }

  GraphTensor pointwise(Mode mode, const GraphTensor& a) {
    return graph_.pointwise(a, fe::graph::Pointwise_attributes().set_mode(mode));
  }
  GraphTensor pointwise(Mode mode, const GraphTensor& a, const GraphTensor& b) {
    return graph_.pointwise(a, b, fe::graph::Pointwise_attributes().set_mode(mode));
  }

  void output(Role role, const Shape& shape, const GraphTensor& tensor) {
    describe_image(*tensor, shape)
        .set_output(true)
        .set_uid(static_cast<std::int64_t>(role))
        .set_data_type(storage_);
  }

  void channel_output(Role role, const GraphTensor& tensor) {
    tensor->set_output(true).set_uid(static_cast<std::int64_t>(role)).set_data_type(accumulator_);
  }

  // In this order (residual, bias, ReLU) engines exist for every precision.
  void forward(const ConvolutionSpec& spec) {
    GraphTensor y = graph_.conv_fprop(image(Role::x, spec.x), image(Role::weight, spec.weight),
                                      window<fe::graph::Conv_fprop_attributes>(spec));
    if (spec.residual || spec.bias || spec.relu) describe_image(*y, spec.y);
    if (spec.residual) y = pointwise(Mode::ADD, y, image(Role::residual, spec.y));
    if (spec.bias) y = pointwise(Mode::ADD, y, channel(Role::bias, spec.y[3]));
    if (spec.relu) y = pointwise(Mode::RELU_FWD, y);
    output(Role::y, spec.y, y);
  }

  void backward_input(const ConvolutionSpec& spec) {
    GraphTensor dx = graph_.conv_dgrad(image(Role::dy, spec.y), image(Role::weight, spec.weight),
                                       window<fe::graph::Conv_dgrad_attributes>(spec));
    if (spec.residual || spec.relu) describe_image(*dx, spec.x);
    if (spec.residual) dx = pointwise(Mode::ADD, dx, image(Role::residual, spec.x));
    if (spec.relu) dx = pointwise(Mode::MUL, dx, mask(spec.x));
    output(Role::dx, spec.x, dx);
  }

  void forward(const BatchNormSpec& spec) {
    const std::int64_t c = spec.x[3];
    GraphTensor epsilon = graph_.tensor(static_cast<float>(spec.epsilon));
    GraphTensor momentum = graph_.tensor(static_cast<float>(spec.momentum));
    GraphTensor running_mean = channel(Role::running_mean, c);
    GraphTensor running_var = channel(Role::running_var, c);
    const auto [normalised, mean, inverse_std, next_mean, next_var] = graph_.batchnorm(
        image(Role::x, spec.x), channel(Role::weight, c), channel(Role::bias, c),
        fe::graph::Batchnorm_attributes().set_epsilon(epsilon).set_previous_running_stats(
            running_mean, running_var, momentum));
    channel_output(Role::mean, mean);
    channel_output(Role::inverse_std, inverse_std);
    channel_output(Role::next_running_mean, next_mean);
    channel_output(Role::next_running_var, next_var);
    GraphTensor y = normalised;
    if (spec.residual) y = pointwise(Mode::ADD, y, image(Role::residual, spec.x));
    if (spec.relu) {
      y = pointwise(Mode::RELU_FWD, y);
      const GraphTensor positive = pointwise(Mode::CMP_GT, y, graph_.tensor(0.0F));
      describe_image(*positive, spec.x)
          .set_output(true)
          .set_uid(static_cast<std::int64_t>(Role::relu_mask))
          .set_data_type(fe::DataType_t::BOOLEAN);
    }
    output(Role::y, spec.x, y);
  }

  void backward(const BatchNormSpec& spec) {
    const std::int64_t c = spec.x[3];
    GraphTensor gradient = image(Role::dy, spec.x);
    if (spec.relu) {
      gradient = pointwise(Mode::MUL, gradient, mask(spec.x));
      if (spec.residual)
        output(Role::dresidual, spec.x, gradient);
      else
        gradient->set_data_type(storage_);
    }
    const auto [dx, dweight, dbias] = graph_.batchnorm_backward(
        gradient, image(Role::x, spec.x), channel(Role::weight, c),
        fe::graph::Batchnorm_backward_attributes().set_saved_mean_and_inv_variance(
            channel(Role::mean, c), channel(Role::inverse_std, c)));
    output(Role::dx, spec.x, dx);
    channel_output(Role::dweight, dweight);
    channel_output(Role::dbias, dbias);
  }

  // [N,L,heads,E]
  static Tensor_attributes& describe_heads(Tensor_attributes& tensor, const Shape& shape) {
    const std::int64_t l = shape[1], heads = shape[2], e = shape[3];
    return tensor.set_dim({shape[0], heads, l, e}).set_stride({l * heads * e, e, heads * e, 1});
  }

  GraphTensor heads(Role role, const Shape& shape) {
    Tensor_attributes tensor;
    describe_heads(tensor, shape).set_uid(static_cast<std::int64_t>(role)).set_data_type(storage_);
    return graph_.tensor(tensor);
  }

  void heads_output(Role role, const Shape& shape, const GraphTensor& tensor) {
    describe_heads(*tensor, shape)
        .set_output(true)
        .set_uid(static_cast<std::int64_t>(role))
        .set_data_type(storage_);
  }

  // [N,heads,L] of a query [N,L,heads,E]
  Tensor_attributes& describe_log_sum(Tensor_attributes& tensor, const Shape& query) {
    const std::int64_t l = query[1], heads = query[2];
    return tensor.set_dim({query[0], heads, l, 1})
        .set_stride({heads * l, l, 1, 1})
        .set_uid(static_cast<std::int64_t>(Role::log_sum))
        .set_data_type(accumulator_);
  }

  void forward(const AttentionSpec& spec) {
    const auto [y, log_sum] = graph_.sdpa(heads(Role::query, spec.query),
                                          heads(Role::key, spec.key), heads(Role::value, spec.key),
                                          fe::graph::SDPA_attributes()
                                              .set_attn_scale(static_cast<float>(spec.scale))
                                              .set_generate_stats(true));
    heads_output(Role::y, spec.query, y);
    describe_log_sum(*log_sum, spec.query).set_output(true);
  }

  // cuDNN's notes do not say which of its backward engines are deterministic; the graph asks for
  // one. It keeps the gradients of the scores in memory.
  void backward(const AttentionSpec& spec) {
    Tensor_attributes log_sum;
    describe_log_sum(log_sum, spec.query);
    const auto [dquery, dkey, dvalue] = graph_.sdpa_backward(
        heads(Role::query, spec.query), heads(Role::key, spec.key), heads(Role::value, spec.key),
        heads(Role::y, spec.query), heads(Role::dy, spec.query), graph_.tensor(log_sum),
        fe::graph::SDPA_backward_attributes()
            .set_attn_scale(static_cast<float>(spec.scale))
            .set_deterministic_algorithm(!allow_nondeterministic_));
    heads_output(Role::dquery, spec.query, dquery);
    heads_output(Role::dkey, spec.key, dkey);
    heads_output(Role::dvalue, spec.key, dvalue);
  }

  Graph& graph_;
  fe::DataType_t storage_, accumulator_;
  bool allow_nondeterministic_;
};

std::vector<fe::NumericalNote_t> barred_notes(const CudnnSpec& spec, bool allow_nondeterministic) {
  using Note = fe::NumericalNote_t;
  std::vector<Note> notes = {Note::REDUCED_PRECISION_REDUCTION};
  if (!allow_nondeterministic) notes.push_back(Note::NONDETERMINISTIC);
  const auto* convolution = std::get_if<ConvolutionSpec>(&spec);
  if (convolution != nullptr && convolution->dtype == DType::f32 && !convolution->tf32)
    notes.insert(notes.end(), {Note::TENSOR_CORE, Note::DOWN_CONVERT_INPUTS});
  return notes;
}

// Engines for f32 with a larger workspace copy whole tensors into another layout.
constexpr std::int64_t kLargeWorkspace = 256 << 20;

// Fallback engines are slow. For a fused graph we skip them: a separate addition is faster.
std::vector<fe::HeurMode_t> heuristics_for(const CudnnSpec& spec) {
  const auto* convolution = std::get_if<ConvolutionSpec>(&spec);
  if (convolution != nullptr && *convolution != unfused(*convolution)) return {fe::HeurMode_t::A};
  return {fe::HeurMode_t::A, fe::HeurMode_t::FALLBACK};
}

}  // namespace

std::string cudnn_version() {
  const auto version = cudnnGetVersion();
  return format("cuDNN ", version / 10000, ".", version % 10000 / 100, ".", version % 100,
                ", cudnn-frontend ", CUDNN_FRONTEND_MAJOR_VERSION, ".",
                CUDNN_FRONTEND_MINOR_VERSION, ".", CUDNN_FRONTEND_PATCH_VERSION);
}

struct CudnnTarget::Impl {
  CudnnHandle handle;                                // for a device that is present
  std::shared_ptr<fe::DeviceProperties> properties;  // for a described device
  int sm_version = 0;
};

CudnnTarget::CudnnTarget(const Device& device) : impl_(std::make_unique<Impl>()) {
  const Context& opened = context(device);
  cudnnHandle_t handle = nullptr;
  check("cudnnCreate", cudnnCreate(&handle));
  impl_->handle = CudnnHandle(handle);
  check("cudnnSetStream", cudnnSetStream(handle, opened.stream()));
}

CudnnTarget::CudnnTarget(const std::string& properties) : impl_(std::make_unique<Impl>()) {
  const auto described = nlohmann::json::parse(properties, nullptr, /*allow_exceptions=*/false);
  const auto version = described.is_object() ? described.find("deviceVer") : described.end();
  OSTEON_CHECK(version != described.end() && version->is_number_integer(), cudnn_version(),
               ": a device is described by JSON that has \"deviceVer\"");
  impl_->sm_version = version->get<int>() / 10;
  impl_->properties = std::make_shared<fe::DeviceProperties>();
  check("device properties",
        impl_->properties->deserialize({properties.begin(), properties.end()}));
}

CudnnTarget::~CudnnTarget() = default;

struct CudnnGraph::Impl {
  explicit Impl(const CudnnTarget& target) : handle(target.impl_->handle.get()) {}

  cudnnHandle_t handle;
  Graph graph;
  std::int64_t built = -1;
  std::vector<std::string> failures{};
};

CudnnGraph::CudnnGraph(const CudnnTarget& target, const CudnnSpec& spec,
                       bool allow_nondeterministic)
    : impl_(std::make_unique<Impl>(target)) {
  Graph& graph = impl_->graph;
  std::visit(
      [&](const auto& each) { Composer(graph, each.dtype, allow_nondeterministic).add(each); },
      spec);
  if (target.impl_->properties) {
    graph.set_device_properties(target.impl_->properties);
    graph.set_sm_version(target.impl_->sm_version);
  }
  check("the graph is not valid", graph.validate());
  check("no operations", graph.build_operation_graph(impl_->handle));
  check("no configurations", graph.create_execution_plans(heuristics_for(spec)));
  graph.deselect_numeric_notes(barred_notes(spec, allow_nondeterministic));
}

CudnnGraph::CudnnGraph(const CudnnTarget& target, const std::string& bytes)
    : impl_(std::make_unique<Impl>(target)) {
  try {
    check("stored plan", impl_->graph.deserialize(impl_->handle, {bytes.begin(), bytes.end()}));
  } catch (const nlohmann::json::exception& error) {
    throw Error(format(cudnn_version(), ": stored plan: ", error.what()));
  }
  impl_->built = 0;
}

CudnnGraph::~CudnnGraph() = default;
CudnnGraph::CudnnGraph(CudnnGraph&&) noexcept = default;
CudnnGraph& CudnnGraph::operator=(CudnnGraph&&) noexcept = default;

std::int64_t CudnnGraph::configurations() const { return impl_->graph.get_execution_plan_count(); }

bool CudnnGraph::build(std::int64_t i) {
  fe::error_t status = impl_->graph.build_plan_at_index(i);
  if (status.is_bad()) {
    const std::string reason = reason_of(status);
    const bool is_excluded = reason.find("Deselecting execution plan") != std::string::npos;
    if (!is_excluded) impl_->failures.push_back(reason);
    return false;
  }
  impl_->built = i;
  return true;
}

const std::vector<std::string>& CudnnGraph::failures() const { return impl_->failures; }

bool CudnnGraph::build_first() {
  std::int64_t large = -1;
  for (std::int64_t i = 0; i < configurations(); ++i) {
    if (!build(i)) continue;
    if (workspace_bytes() <= kLargeWorkspace) return true;
    if (large < 0) large = i;
  }
  return large >= 0 && build(large);
}

std::string CudnnGraph::engine() const {
  std::string name;
  if (configurations() > 0)
    check("engine", impl_->graph.get_plan_name_at_index(impl_->built, name));
  return name;
}

std::int64_t CudnnGraph::workspace_bytes() const {
  std::int64_t bytes = 0;
  check("workspace", impl_->graph.get_workspace_size(bytes));
  return bytes;
}

std::string CudnnGraph::serialise() const {
  std::vector<std::uint8_t> bytes;
  check("serialise", impl_->graph.serialize(bytes));
  return {bytes.begin(), bytes.end()};
}

void CudnnGraph::execute(std::span<const Binding> bindings, void* workspace) const {
  std::unordered_map<std::int64_t, void*> memory;
  for (const Binding& each : bindings)
    memory.emplace(static_cast<std::int64_t>(each.role), each.memory);
  check("execute", impl_->graph.execute(impl_->handle, memory, workspace));
}

}  // namespace osteon::cuda
