// Registration, and traversals of a tree of modules.
#include "nn/module.h"

#include "base/random.h"

#include <algorithm>

namespace osteon {
namespace {

thread_local const ObserveModules::Observer* current_observer = nullptr;

std::string path_of(const std::string& path, const std::string& name) {
  return path.empty() ? name : path + "." + name;
}

}  // namespace

Tensor Module::operator()(const Tensor& x) {
  return observed({&x, 1}, [&] { return forward(x); });
}

Tensor Module::operator()(const Tensors& inputs) {
  return observed(inputs, [&] { return forward(inputs); });
}

Tensor Module::observed(std::span<const Tensor> inputs, const std::function<Tensor()>& pass) {
  if (!current_observer) return pass();
  (*current_observer)({*this, inputs, nullptr});
  Tensor y = pass();
  (*current_observer)({*this, inputs, &y});
  return y;
}

Tensor Module::forward(const Tensor&) {
  throw Error(
      "module: it does not take a single input; call it with the list of its inputs, as in "
      "attention({x, mask})");
}

Tensor Module::forward(const Tensors& inputs) {
  OSTEON_CHECK(inputs.size() == 1, "module: it takes 1 input, was given ", inputs.size());
  return forward(inputs.front());
}

void Module::initialise(const ParameterStreams&) {}

template <class Wanted>
void Module::collect(const std::string& path, const Wanted& wanted, NamedTensorList& list) const {
  for (const Entry& entry : entries_)
    if (wanted(entry.kind)) list.emplace_back(path_of(path, entry.name), *entry.tensor);
  for (const auto& [name, child] : children_) child->collect(path_of(path, name), wanted, list);
}

NamedTensorList Module::named_parameters() const {
  NamedTensorList list;
  collect(
      "", [](Kind kind) { return kind == Kind::parameter; }, list);
  return list;
}

NamedTensorList Module::named_buffers() const {
  NamedTensorList list;
  collect(
      "", [](Kind kind) { return kind == Kind::buffer; }, list);
  return list;
}

NamedTensorList Module::named_state() const {
  NamedTensorList list;
  collect(
      "", [](Kind) { return true; }, list);
  return list;
}

void Module::collect_modules(const std::string& path, NamedModules& list) {
  list.emplace_back(path, this);
  for (const auto& [name, child] : children_) child->collect_modules(path_of(path, name), list);
}

NamedModules Module::named_modules() {
  NamedModules list;
  collect_modules("", list);
  return list;
}

Tensors Module::parameters() const {
  Tensors parameters;
  for (auto& [name, parameter] : named_parameters()) parameters.push_back(parameter);
  return parameters;
}

std::int64_t Module::parameter_count() const {
  std::int64_t count = 0;
  for (const Tensor& parameter : parameters()) count += parameter.numel();
  return count;
}

void Module::train(bool training) {
  for (const auto& [name, module] : named_modules()) module->training_ = training;
}

template <class Convert>
void Module::replace_floating(const Convert& convert) {
  for (const auto& [name, module] : named_modules())
    for (const Entry& entry : module->entries_) {
      Tensor& tensor = *entry.tensor;
      if (!is_floating(tensor.dtype())) continue;
      Tensor converted = convert(tensor);
      if (converted.is_same(tensor)) continue;
      converted.set_requires_grad(tensor.requires_grad());
      tensor = converted;
    }
}

void Module::to(DType dtype) {
  OSTEON_CHECK(is_floating(dtype), "to: parameters cannot be ", dtype,
               "; use a floating-point dtype");
  replace_floating([&](const Tensor& tensor) {
    if (tensor.dtype() == dtype) return tensor;
    Tensor converted(tensor.shape(), dtype, tensor.device());
    copy_(converted, tensor);
    return converted;
  });
}

void Module::to(const Device& device) {
  replace_floating([&](const Tensor& tensor) { return tensor.to(device); });
}

Device Module::device() const {
  const Tensors all = parameters();
  return all.empty() ? Device::cpu() : all.front().device();
}

void Module::check_name(const std::string& name) const {
  OSTEON_CHECK(!name.empty() && name.find('.') == std::string::npos, "module: the name \"", name,
               "\" is empty or has a dot");
  const auto same = [&](const auto& other) { return other == name; };
  OSTEON_CHECK(std::ranges::none_of(entries_, same, &Entry::name) &&
                   std::ranges::none_of(children_, same, &NamedModules::value_type::first),
               "module: the name \"", name, "\" is registered twice");
}

void Module::register_parameter(const std::string& name, Tensor& parameter) {
  check_name(name);
  parameter.set_requires_grad(true);
  entries_.push_back({name, &parameter, Kind::parameter});
}

void Module::register_buffer(const std::string& name, Tensor& buffer) {
  check_name(name);
  entries_.push_back({name, &buffer, Kind::buffer});
}

void Module::register_module(const std::string& name, Module& module) {
  check_name(name);
  children_.emplace_back(name, &module);
}

void set_randomness(Module& root, std::uint64_t seed, std::int64_t step,
                    std::int64_t first_sample) {
  for (const auto& [path, module] : root.named_modules())
    module->set_random_key({seed, hash_name(path), step, first_sample});
}

EvaluationMode::EvaluationMode(Module& model) {
  for (const auto& [name, module] : model.named_modules())
    modes_.emplace_back(module, module->is_training());
  model.eval();
}

// train() sets all descendants of a module; but these come later in the list, so their own mode is
// restored last.
EvaluationMode::~EvaluationMode() {
  for (const auto& [module, training] : modes_) module->train(training);
}

ObserveModules::ObserveModules(Observer observer)
    : observer_(std::move(observer)), before_(current_observer) {
  current_observer = &observer_;
}
ObserveModules::~ObserveModules() { current_observer = before_; }

bool modules_are_observed() { return current_observer != nullptr; }

}  // namespace osteon
