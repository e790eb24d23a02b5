// Replaces ops/cuda/cudnn/graph.cpp: the CPU's kernels compute the graphs on the same memory. Plans
// exist in the same cases as on an H100, so that both paths are tested, with cuDNN and without. The
// product's own code makes the specs and stores and times the plans.
#include "ops/cuda/cudnn/graph.h"

#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <mutex>

#include "ops/convolution/candidates.h"
#include "ops/kernels.h"
#include "tensor/cuda/context.h"
#include "tests/cuda_emulator/emulator.h"
#include "tests/cuda_emulator/executed_specs.h"
#include "tests/cuda_emulator/journal.h"
#include "tests/cuda_emulator/on_cpu.h"
#include "tests/cuda_emulator/runtime.h"

namespace cuda_emulator {

namespace {

std::int64_t failing_configurations = 0;
bool library_is_missing = false;
std::int64_t compiled = 0;

}  // namespace

CudnnSpecs& executed_specs() {
  static CudnnSpecs specs;
  return specs;
}

void set_failing_configurations(std::int64_t count) { failing_configurations = count; }
std::int64_t compiled_graphs() { return compiled; }
void set_missing_library(bool missing) { library_is_missing = missing; }

}  // namespace cuda_emulator

namespace osteon::cuda {
namespace {

// Not the user's plans: a plan of the emulated cuDNN is valid in one process only.
class PlanCache {
 public:
  PlanCache() : folder_(format(OSTEON_EMULATED_PLANS, "/", ::getpid())) {
    ::setenv("OSTEON_PLAN_CACHE", folder_.c_str(), 1);
  }
  ~PlanCache() {
    std::error_code ignored;
    std::filesystem::remove_all(folder_, ignored);
  }

 private:
  const std::string folder_;
};
[[maybe_unused]] const PlanCache plan_cache;

using Memory = std::map<Role, void*>;

// The memory of a role as a CPU tensor; undefined if the role is not bound.
class Roles {
 public:
  explicit Roles(const Memory& memory) : memory_(memory) {}
  Tensor operator()(Role role, const Shape& shape, DType dtype) const {
    const auto found = memory_.find(role);
    return found == memory_.end() ? Tensor() : cuda_emulator::on_cpu(found->second, shape, dtype);
  }

 private:
  const Memory& memory_;
};

DType sums_of(DType dtype) { return dtype == DType::bf16 ? DType::f32 : dtype; }

// The CPU kernels expect bf16 filters as f32.
Tensor widened(const Tensor& filters) {
  const Tensor wide(filters.shape(), sums_of(filters.dtype()));
  copy_(wide, filters);
  return wide;
}

// Calls visit(i, byte, bit) for every element i of x, with the position of its mask bit.
template <class Visit>
void for_each_bit(const Shape& x, const Visit& visit) {
  const std::int64_t channels = x[3], bytes = relu_mask_shape(x)[1];
  for (std::int64_t i = 0; i < x.numel(); ++i)
    visit(i, i / channels * bytes + i % channels / 8, i % channels % 8);
}

// `gradient` where the mask is set, else 0.
Tensor let_through(const Tensor& gradient, const Tensor& relu_mask) {
  std::vector<double> values = gradient.to_vector();
  const auto* const mask = relu_mask.data<std::uint8_t>();
  for_each_bit(gradient.shape(), [&](std::int64_t i, std::int64_t byte, std::int64_t bit) {
    if ((mask[byte] >> bit & 1) == 0) values[static_cast<std::size_t>(i)] = 0;
  });
  return from_vector(values, gradient.shape(), gradient.dtype());
}

template <class Spec>
Activation activation_of(const Spec& spec) {
  return spec.relu ? Activation::relu : Activation::none;
}

// In f32 by plain sums, which are exact where the terms are, whatever kernels the CPU's back end
// prefers on this processor.
void compute(const ConvolutionSpec& spec, const Roles& at) {
  using convolution::Direction;
  const DType dtype = spec.dtype;
  const auto run = [&](const convolution::Call& call) {
    if (dtype == DType::f32) {
      convolution::candidate(convolution::Kernel::direct).run(call);
    } else if (call.direction == Direction::forward) {
      cpu::conv2d_forward(call.x, call.weight, call.bias, call.residual, call.activation,
                          call.options, call.y);
    } else if (call.direction == Direction::backward_input) {
      cpu::conv2d_backward_input(
          call.y, call.weight, call.options, call.residual, [] { return Tensor(); }, call.x);
    } else {
      cpu::conv2d_backward_weight(call.y, call.x, call.options, call.weight);
    }
  };
  switch (spec.pass) {
    case ConvolutionSpec::Pass::forward:
      return run({Direction::forward, at(Role::x, spec.x, dtype),
                  widened(at(Role::weight, spec.weight, dtype)), at(Role::y, spec.y, dtype),
                  at(Role::bias, {spec.y[3]}, sums_of(dtype)), at(Role::residual, spec.y, dtype),
                  activation_of(spec), spec.options});
    case ConvolutionSpec::Pass::backward_input: {
      const Tensor dx = at(Role::dx, spec.x, dtype);
      run({Direction::backward_input, dx, widened(at(Role::weight, spec.weight, dtype)),
           at(Role::dy, spec.y, dtype), Tensor(), at(Role::residual, spec.x, dtype),
           Activation::none, spec.options});
      if (spec.relu)
        copy_(dx, let_through(dx, at(Role::relu_mask, relu_mask_shape(spec.x), DType::u8)));
      return;
    }
    case ConvolutionSpec::Pass::backward_weight:
      return run({Direction::backward_weight, at(Role::x, spec.x, dtype),
                  at(Role::dweight, spec.weight, dtype), at(Role::dy, spec.y, dtype), Tensor(),
                  Tensor(), Activation::none, spec.options});
  }
}

void forward(const BatchNormSpec& spec, const Roles& at) {
  const Shape channel = {spec.x[3]};
  const Tensor running_mean = at(Role::next_running_mean, channel, DType::f32);
  const Tensor running_var = at(Role::next_running_var, channel, DType::f32);
  copy_(running_mean, at(Role::running_mean, channel, DType::f32));
  copy_(running_var, at(Role::running_var, channel, DType::f32));
  const Tensor y = at(Role::y, spec.x, spec.dtype);
  ReluMask cpu_mask;
  cpu::batch_norm_forward(
      at(Role::x, spec.x, spec.dtype), at(Role::weight, channel, DType::f32),
      at(Role::bias, channel, DType::f32), at(Role::residual, spec.x, spec.dtype),
      {.momentum = spec.momentum, .epsilon = spec.epsilon, .activation = activation_of(spec)},
      running_mean, running_var, at(Role::mean, channel, DType::f32),
      at(Role::inverse_std, channel, DType::f32), y, cpu_mask);
  if (!spec.relu) return;
  const std::vector<double> values = y.to_vector();
  auto* const mask = at(Role::relu_mask, relu_mask_shape(spec.x), DType::u8).data<std::uint8_t>();
  std::fill_n(mask, relu_mask_shape(spec.x).numel(), std::uint8_t{0});
  for_each_bit(spec.x, [&](std::int64_t i, std::int64_t byte, std::int64_t bit) {
    if (values[static_cast<std::size_t>(i)] > 0)
      mask[byte] = static_cast<std::uint8_t>(mask[byte] | 1 << bit);
  });
}

void backward(const BatchNormSpec& spec, const Roles& at) {
  const Shape channel = {spec.x[3]};
  Tensor g = at(Role::dy, spec.x, spec.dtype);
  if (spec.relu) g = let_through(g, at(Role::relu_mask, relu_mask_shape(spec.x), DType::u8));
  if (const Tensor dresidual = at(Role::dresidual, spec.x, spec.dtype); dresidual.defined())
    copy_(dresidual, g);
  cpu::batch_norm_backward({.dy = g,
                            .x = at(Role::x, spec.x, spec.dtype),
                            .relu_mask = {},
                            .weight = at(Role::weight, channel, DType::f32),
                            .bias = zeros(channel),
                            .mean = at(Role::mean, channel, DType::f32),
                            .inverse_std = at(Role::inverse_std, channel, DType::f32),
                            .options = {},
                            .dx = at(Role::dx, spec.x, spec.dtype),
                            .dweight = at(Role::dweight, channel, DType::f32),
                            .dbias = at(Role::dbias, channel, DType::f32),
                            .dresidual = {}});
}

void compute(const BatchNormSpec& spec, const Roles& at) {
  spec.pass == BatchNormSpec::Pass::forward ? forward(spec, at) : backward(spec, at);
}

void compute(const AttentionSpec& spec, const Roles& at) {
  const Tensor query = at(Role::query, spec.query, spec.dtype);
  const Tensor key = at(Role::key, spec.key, spec.dtype);
  const Tensor value = at(Role::value, spec.key, spec.dtype);
  const Tensor y = at(Role::y, spec.query, spec.dtype);
  const Tensor log_sum =
      at(Role::log_sum, {spec.query[0], spec.query[2], spec.query[1]}, sums_of(spec.dtype));
  if (spec.pass == AttentionSpec::Pass::forward)
    return cpu::attention_forward(query, key, value, spec.scale, log_sum, y);
  cpu::attention_backward(query, key, value, y, log_sum, at(Role::dy, spec.query, spec.dtype),
                          spec.scale, at(Role::dquery, spec.query, spec.dtype),
                          at(Role::dkey, spec.key, spec.dtype),
                          at(Role::dvalue, spec.key, spec.dtype));
}

bool has_plan(const ConvolutionSpec& spec) {
  const bool is_depthwise = spec.options.groups > 1 && spec.options.groups == spec.x[3];
  if (is_depthwise && spec.dtype == DType::bf16 && (spec.bias || spec.residual)) return false;
  if (spec == unfused(spec)) return true;
  // f32 without tf32 fuses a residual or a ReLU only together with a bias.
  return spec.dtype == DType::bf16 || spec.tf32 || (spec.dtype == DType::f32 && spec.bias);
}

bool has_plan(const BatchNormSpec& spec) {
  return spec.dtype != DType::f64 && spec.x[3] % (spec.dtype == DType::bf16 ? 8 : 4) == 0 &&
         (spec.relu || !spec.residual);
}

// Also cuDNN's own checks for GPUs other than an H100, which has plans for up to 256 elements.
bool has_plan(const AttentionSpec& spec) {
  return spec.dtype == DType::bf16 && spec.query[3] % 8 == 0 && spec.query[3] <= 128 &&
         (spec.query[1] > 1 || spec.key[1] > 1);
}

constexpr std::int64_t kConfigurations = 2, kWorkspaceBytes = 4096;

// The bytes of a plan are the spec's text; this map finds the spec.
std::map<std::string, CudnnSpec>& specs_by_text() {
  static std::map<std::string, CudnnSpec> specs;
  return specs;
}
std::mutex specs_mutex;  // graphs are compiled in several threads

}  // namespace

std::string cudnn_version() { return "emulated cuDNN"; }

struct CudnnTarget::Impl {
  cudaStream_t stream;
};
CudnnTarget::CudnnTarget(const Device& device)
    : impl_(std::make_unique<Impl>(Impl{context(device).stream()})) {}
CudnnTarget::CudnnTarget(const std::string&) : impl_(std::make_unique<Impl>()) {}
CudnnTarget::~CudnnTarget() = default;

struct CudnnGraph::Impl {
  cudaStream_t stream;
  CudnnSpec spec;
  bool is_from_bytes = false;
  std::int64_t built = 0;  // the configuration
  std::vector<std::string> failures{};
};

CudnnGraph::CudnnGraph(const CudnnTarget& target, const CudnnSpec& spec, bool)
    : impl_(std::make_unique<Impl>(Impl{target.impl_->stream, spec, false})) {
  OSTEON_CHECK(std::visit([](const auto& each) { return has_plan(each); }, spec),
               "emulated cuDNN has no plan for ", describe(spec));
  OSTEON_CHECK(!cuda_emulator::library_is_missing || std::holds_alternative<ConvolutionSpec>(spec),
               "emulated cuDNN: no configurations; ", kMissingLibrary);
  const std::lock_guard lock(specs_mutex);
  ++cuda_emulator::compiled;
  specs_by_text().insert_or_assign(describe(spec), spec);
}

CudnnGraph::CudnnGraph(const CudnnTarget& target, const std::string& bytes) {
  const auto found = specs_by_text().find(bytes);
  OSTEON_CHECK(found != specs_by_text().end(), "emulated cuDNN: not a plan of this process");
  impl_ = std::make_unique<Impl>(Impl{target.impl_->stream, found->second, true});
}

CudnnGraph::~CudnnGraph() = default;
CudnnGraph::CudnnGraph(CudnnGraph&&) noexcept = default;
CudnnGraph& CudnnGraph::operator=(CudnnGraph&&) noexcept = default;

std::int64_t CudnnGraph::configurations() const { return kConfigurations; }
bool CudnnGraph::build(std::int64_t i) {
  if (i < cuda_emulator::failing_configurations)
    impl_->failures.push_back(format("emulated cuDNN: configuration ", i, " fails"));
  impl_->built = i;
  return i >= cuda_emulator::failing_configurations && i < kConfigurations;
}
bool CudnnGraph::build_first() {
  for (std::int64_t i = 0; i < kConfigurations; ++i)
    if (build(i)) return true;
  return false;
}
const std::vector<std::string>& CudnnGraph::failures() const { return impl_->failures; }
std::string CudnnGraph::engine() const { return "emulated"; }
std::int64_t CudnnGraph::workspace_bytes() const { return kWorkspaceBytes; }
std::string CudnnGraph::serialise() const {
  OSTEON_CHECK(!impl_->is_from_bytes, describe(impl_->spec),
               ": a graph that was made from bytes is serialised");
  return describe(impl_->spec);
}

void CudnnGraph::execute(std::span<const Binding> bindings, void* workspace) const {
  const std::string text = describe(impl_->spec);
  OSTEON_CHECK(workspace != nullptr, text, ": no workspace");
  OSTEON_CHECK(impl_->built != cuda_emulator::failing_configuration(), text, ": cannot run");
  cuda_emulator::executed_specs().insert(impl_->spec);
  Memory memory;
  std::string line = "launch " + text;
  for (const auto& [role, place] : bindings) {
    OSTEON_CHECK(reinterpret_cast<std::uintptr_t>(place) % 16 == 0, text, ": not aligned");
    memory[role] = place;
    line += format(" ", place);
  }
  cuda_emulator::write_down(line);
  check("emulated cuDNN", "execute",
        cuda_emulator::issue(impl_->stream, [spec = impl_->spec, memory] {
          std::visit([&](const auto& each) { compute(each, Roles(memory)); }, spec);
        }));
}

}  // namespace osteon::cuda
