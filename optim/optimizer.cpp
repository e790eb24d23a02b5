// Gradients and state, each in one block of memory per dtype, and the common code around the update
// kernels.
#include "optim/optimizer.h"

#include <algorithm>
#include <map>
#include <set>

#include "ops/kernels.h"
#include "tensor/matching.h"

namespace osteon {
namespace {

constexpr std::int64_t kAlignment = 64;  // bytes; each tensor in a block starts on a cache line

// Uninitialised tensors with the shapes of `like` (all of one dtype), consecutive in one block of
// memory. The gaps between them are also uninitialised.
Tensors in_one_block(const Tensors& like) {
  if (like.empty()) return {};
  const std::int64_t unit = kAlignment / static_cast<std::int64_t>(size_of(like[0].dtype()));
  const auto padded = [unit](std::int64_t n) { return (n + unit - 1) / unit * unit; };
  std::int64_t size = 0;
  for (const Tensor& x : like) size += padded(x.numel());
  const Tensor block({size}, like[0].dtype(), like[0].device());
  Tensors parts;
  std::int64_t begin = 0;
  for (const Tensor& x : like) {
    parts.push_back(block.rows(begin, begin + x.numel()).view(x.shape()));
    begin += padded(x.numel());
  }
  return parts;
}

Tensors tensors_of(const ParameterGroup& group) {
  Tensors tensors;
  for (const auto& [name, parameter] : group.parameters) tensors.push_back(parameter);
  return tensors;
}

void check_groups(const std::string& optimizer, const std::vector<ParameterGroup>& groups) {
  std::set<std::string> names;
  for (std::size_t g = 0; g < groups.size(); ++g) {
    OSTEON_CHECK(groups[g].lr >= 0 && groups[g].weight_decay >= 0, optimizer, ": group ", g,
                 " has learning rate ", groups[g].lr, " and weight decay ", groups[g].weight_decay,
                 "; both must be 0 or more");
    OSTEON_CHECK(!groups[g].parameters.empty(), optimizer, ": group ", g, " has no parameters");
    const Tensor& first = groups[g].parameters[0].second;
    for (const auto& [name, parameter] : groups[g].parameters) {
      OSTEON_CHECK(names.insert(name).second, optimizer, ": parameter ", name, " is given twice");
      OSTEON_CHECK(parameter.dtype() == DType::f32 || parameter.dtype() == DType::f64, optimizer,
                   ": parameter ", name, " is ", parameter.dtype(), "; keep it in f32 or f64");
      OSTEON_CHECK(parameter.dtype() == first.dtype() && parameter.device() == first.device(),
                   optimizer, ": parameter ", name, " is ", parameter.dtype(), " on ",
                   parameter.device(), " in a group of ", first.dtype(), " on ", first.device());
      OSTEON_CHECK(parameter.is_leaf(), optimizer, ": parameter ", name, " was computed by an op");
    }
  }
}

// All tensors of one dtype and device share a block, across groups.
void bind_gradients(const std::vector<ParameterGroup>& groups) {
  std::map<std::string, Tensors> kinds;
  for (const ParameterGroup& group : groups)
    for (const Tensor& parameter : tensors_of(group))
      kinds[format(parameter.dtype(), parameter.device())].push_back(parameter);
  for (const auto& [kind, parameters] : kinds) {
    const Tensors gradients = in_one_block(parameters);
    for (std::size_t i = 0; i < parameters.size(); ++i) parameters[i].bind_grad(gradients[i]);
  }
}

}  // namespace

Optimizer::Optimizer(std::string name, std::vector<ParameterGroup> groups)
    : name_(std::move(name)), groups_(std::move(groups)) {
  check_groups(name_, groups_);
  bind_gradients(groups_);
  for (const ParameterGroup& group : groups_)
    learning_rates_.push_back(full({1}, group.lr, DType::f64, group.parameters[0].second.device()));
}

void Optimizer::add_state(const std::string& kind, StateShape shape) {
  State state{kind, {}};
  for (const ParameterGroup& group : groups_) {
    Tensors like = tensors_of(group);
    if (shape == StateShape::scalar)
      for (Tensor& each : like) each = Tensor({}, DType::f64, each.device());
    state.tensors.push_back(in_one_block(like));
    for (const Tensor& each : state.tensors.back()) fill_(each, 0);
  }
  states_.push_back(std::move(state));
}

Tensors Optimizer::parameters() const {
  Tensors all;
  for (const ParameterGroup& group : groups_)
    for (const Tensor& parameter : tensors_of(group)) all.push_back(parameter);
  return all;
}

void Optimizer::zero_grad() {
  for (const Tensor& parameter : parameters()) parameter.zero_grad();
}

Optimizer::Update Optimizer::collect(std::size_t g, const Tensor& guard) const {
  Update update;
  update.state.resize(states_.size());
  update.learning_rate = learning_rates_[g];
  update.guard = guard;
  update.weight_decay = groups_[g].weight_decay;
  const Tensors parameters = tensors_of(groups_[g]);
  for (std::size_t i = 0; i < parameters.size(); ++i) {
    if (!parameters[i].grad().defined()) continue;
    update.parameters.push_back(parameters[i]);
    update.gradients.push_back(parameters[i].grad());
    for (std::size_t k = 0; k < states_.size(); ++k)
      update.state[k].push_back(states_[k].tensors[g][i]);
  }
  return update;
}

void Optimizer::step(const Tensor& guard) {
  bool any = false;
  for (std::size_t g = 0; g < groups_.size(); ++g) {
    const Update batch = collect(g, guard);
    if (batch.parameters.empty()) continue;
    any = true;
    update(batch);
    for (const Tensor& parameter : batch.parameters) parameter.bump_version();
  }
  OSTEON_CHECK(any, name_, ": no parameter has a gradient; call backward before step");
}

void Optimizer::set_lr_factor(double factor) {
  lr_factor_ = factor;
  for (std::size_t g = 0; g < groups_.size(); ++g) fill_(learning_rates_[g], lr(g));
}

// Every state tensor with its name in the saved state.
std::map<std::string, Tensor> Optimizer::named_state() const {
  std::map<std::string, Tensor> named;
  for (const State& state : states_)
    for (std::size_t g = 0; g < groups_.size(); ++g)
      for (std::size_t i = 0; i < state.tensors[g].size(); ++i)
        named[state.kind + "." + groups_[g].parameters[i].first] = state.tensors[g][i];
  return named;
}

OptimizerState Optimizer::state_dict() const {
  const std::map<std::string, Tensor> named = named_state();
  OptimizerState result;
  for (const auto& [name, tensor] : named)
    result.tensors.tensors.emplace_back(name, tensor.to(Device::cpu()));
  nlohmann::json groups = nlohmann::json::array();
  for (const ParameterGroup& group : groups_)
    groups.push_back({{"lr", group.lr}, {"weight_decay", group.weight_decay}});
  result.scalars = {{"optimizer", name_}, {"lr_factor", lr_factor_}, {"groups", groups}};
  return result;
}

void Optimizer::load_state_dict(const OptimizerState& saved) {
  const std::map<std::string, Tensor> named = named_state();
  const std::map<std::string, Tensor> given(saved.tensors.tensors.begin(),
                                            saved.tensors.tensors.end());
  std::map<std::string, Shape> expected;
  for (const auto& [name, tensor] : named) expected[name] = tensor.shape();
  try {
    const auto found = saved.scalars.at("optimizer").get<std::string>();
    OSTEON_CHECK(found == name_, name_, ": the saved state belongs to the optimizer ", found);
    const nlohmann::json& rates = saved.scalars.at("groups");
    OSTEON_CHECK(rates.size() == groups_.size(), name_, ": the saved state has ", rates.size(),
                 " groups of parameters, expected ", groups_.size());
    const double factor = saved.scalars.at("lr_factor").get<double>();
    std::vector<ParameterGroup> groups = groups_;
    for (std::size_t g = 0; g < groups.size(); ++g) {
      groups[g].lr = rates[g].at("lr").get<double>();
      groups[g].weight_decay = rates[g].at("weight_decay").get<double>();
    }
    require_same_tensors(name_ + ": the saved state belongs to other parameters", expected, given);
    groups_ = std::move(groups);
    set_lr_factor(factor);
  } catch (const nlohmann::json::exception& error) {
    throw Error(format(name_, ": this is not the saved state of an optimizer: ", error.what()));
  }
  for (const auto& [name, tensor] : named) copy_(tensor, given.at(name));
}

Tensor clip_grad_norm_(const Tensors& parameters, double max_norm) {
  OSTEON_CHECK(max_norm > 0, "clip_grad_norm_: max_norm is ", max_norm, ", must be positive");
  Tensors gradients;
  for (const Tensor& parameter : parameters)
    if (parameter.grad().defined()) gradients.push_back(parameter.grad());
  OSTEON_CHECK(!gradients.empty(),
               "clip_grad_norm_: no parameter has a gradient; call backward before it");
  for (const Tensor& gradient : gradients)
    OSTEON_CHECK(
        gradient.dtype() == gradients[0].dtype() && gradient.device() == gradients[0].device(),
        "clip_grad_norm_: gradients are ", gradients[0].dtype(), " on ", gradients[0].device(),
        " and ", gradient.dtype(), " on ", gradient.device(), "; clip them separately");
  Tensor norm({1}, DType::f64, gradients[0].device());
  OSTEON_DISPATCH(norm, clip_grad_norm(gradients, max_norm, norm));
  return norm;
}

void restore_unless_finite_(const Tensor& guard, const Tensors& tensors, const Tensors& kept) {
  OSTEON_CHECK(guard.numel() == 1 && guard.dtype() == DType::f64 && tensors.size() == kept.size(),
               "restore_unless_finite_: guard ", guard.shape(), " ", guard.dtype(), " for ",
               tensors.size(), " tensors and ", kept.size(), " kept; expects one f64 element");
  if (tensors.empty()) return;
  OSTEON_DISPATCH(guard, restore_unless_finite(guard, kept, tensors));
  for (const Tensor& tensor : tensors) tensor.bump_version();
}

}  // namespace osteon
