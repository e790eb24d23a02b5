// The base class of layers and models: a function of one or several tensors with named parameters,
// buffers and child modules. The names are those of torchvision.
//
//   struct Bottleneck : Module {
//     Conv2d conv1{64, 64, 1};
//     BatchNorm2d bn1{64};
//     Bottleneck() {
//       register_module("conv1", conv1);
//       register_module("bn1", bn1);
//     }
//     Tensor forward(const Tensor& x) override { return bn1.relu(conv1(x)); }
//   };
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "tensor/tensor.h"

namespace osteon {

class Module;
class ParameterStreams;

using NamedTensorList = std::vector<std::pair<std::string, Tensor>>;
using NamedModules = std::vector<std::pair<std::string, Module*>>;

// The arguments of the random draws of one training step (dropout in ops.h).
struct RandomKey {
  std::uint64_t seed = 0;
  std::uint64_t stream = 0;  // the layer that draws
  std::int64_t step = 0;
  std::int64_t first_sample = 0;  // index of the batch's first sample in the step
};

// Neither copyable nor movable: a module registers the addresses of its members.
class Module {
 public:
  Module() = default;
  Module(const Module&) = delete;
  Module& operator=(const Module&) = delete;
  virtual ~Module() = default;

  // Calls forward(); visible to ObserveModules.
  Tensor operator()(const Tensor& x);
  // The same for several inputs, some of which may be undefined if the module allows it:
  // attention({x, mask}).
  Tensor operator()(const Tensors& inputs);

  // Every name is a path from this module, for example layer1.0.conv1.weight. The order is that of
  // registration, with a module's own tensors before those of its children.
  NamedTensorList named_parameters() const;
  NamedTensorList named_buffers() const;
  // Parameters and buffers: the contents of a checkpoint.
  NamedTensorList named_state() const;
  // This module ("") and all its descendants, parents before children.
  NamedModules named_modules();

  Tensors parameters() const;
  // The number of elements in all parameters.
  std::int64_t parameter_count() const;

  // Sets the mode of this module and all its descendants, used by batch norm and dropout. Modules
  // start in training mode.
  void train(bool training = true);
  void eval() { train(false); }
  bool is_training() const { return training_; }

  // Converts all floating-point parameters and buffers, or moves them to a device; counters stay on
  // the CPU. Parameters become new tensors, so create the optimizer afterwards.
  void to(DType dtype);
  void to(const Device& device);
  // The device of the parameters; the CPU for a module without parameters.
  Device device() const;

  // Sets the initial values of the module's own parameters (not of its children); each parameter
  // has its own stream. initialise_parameters (nn/init.h) calls it for a whole model.
  virtual void initialise(const ParameterStreams& streams);

  // Sets the random key, in layers that draw random numbers. set_randomness calls it for a whole
  // model.
  virtual void set_random_key(const RandomKey&) {}

  // Applies a forward pass's change of the module's state on the CPU, which must be in registered
  // buffers. A replay of a CUDA graph computes only on the device, and then calls this for each
  // module; if a step cannot be recorded, its changes of these buffers are undone.
  virtual void replayed() {}

 protected:
  // The computation of operator(). A module with one input overrides the first function, a module
  // with several inputs the second, a module with optional further inputs both. A function that is
  // not overridden throws Error, except that the second passes a list of one input to the first.
  virtual Tensor forward(const Tensor& x);
  virtual Tensor forward(const Tensors& inputs);

  // Called by constructors with members of the module. A name must not be empty, contain a dot or
  // be used twice. A parameter is set to require a gradient.
  void register_parameter(const std::string& name, Tensor& parameter);
  void register_buffer(const std::string& name, Tensor& buffer);
  void register_module(const std::string& name, Module& module);

  // Runs a forward pass of this module on `inputs`, visible to ObserveModules. operator() calls it;
  // a module with a second entry point (such as BatchNorm2d::relu) must do the same.
  Tensor observed(std::span<const Tensor> inputs, const std::function<Tensor()>& pass);

 private:
  enum class Kind { parameter, buffer };
  struct Entry {
    std::string name;
    Tensor* tensor;
    Kind kind;
  };

  template <class Convert>
  void replace_floating(const Convert& convert);
  void check_name(const std::string& name) const;
  template <class Wanted>
  void collect(const std::string& prefix, const Wanted& wanted, NamedTensorList& list) const;
  void collect_modules(const std::string& path, NamedModules& list);

  std::vector<Entry> entries_;
  NamedModules children_;
  bool training_ = true;
};

// Sets the random key of every layer of a model; call it before each training step. A layer's
// stream is its name in the model. `first_sample` is not 0 if a step accumulates several batches.
void set_randomness(Module& root, std::uint64_t seed, std::int64_t step,
                    std::int64_t first_sample = 0);

// During its lifetime a model and all its descendants are in evaluation mode; then each module
// returns to its former mode.
class EvaluationMode {
 public:
  explicit EvaluationMode(Module& model);
  ~EvaluationMode();
  EvaluationMode(const EvaluationMode&) = delete;
  EvaluationMode& operator=(const EvaluationMode&) = delete;

 private:
  std::vector<std::pair<Module*, bool>> modes_;
};

// The data that an observer gets for each forward pass of a module.
struct ModuleEvent {
  Module& module;
  std::span<const Tensor> inputs;
  const Tensor* output;  // null at the start of the pass
};

// During its lifetime `observer` is called at the start and the end of each module's forward pass
// in this thread: for tables of layers, and for the activations and gradients of a layer with a
// known name.
class ObserveModules {
 public:
  using Observer = std::function<void(const ModuleEvent&)>;
  explicit ObserveModules(Observer observer);
  ~ObserveModules();
  ObserveModules(const ObserveModules&) = delete;
  ObserveModules& operator=(const ObserveModules&) = delete;

 private:
  Observer observer_;
  const Observer* before_;
};

// Whether the modules of this thread are observed. If so, layers are not fused.
bool modules_are_observed();

}  // namespace osteon
