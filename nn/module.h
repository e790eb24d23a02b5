// The base of every layer and model: a function of one tensor, or of several, that knows its
// parameters, its buffers and the modules it is made of, each by the name PyTorch's torchvision
// gives it.
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

// What the random draws of one training step are a function of (dropout in ops.h).
struct RandomKey {
  std::uint64_t seed = 0;
  std::uint64_t stream = 0;  // the layer that draws
  std::int64_t step = 0;
  std::int64_t first_sample = 0;  // index of the batch's first sample in the step
};

// A module registers the addresses of its members, so it stays where it was built.
class Module {
 public:
  Module() = default;
  Module(const Module&) = delete;
  Module& operator=(const Module&) = delete;
  virtual ~Module() = default;

  // The module as a function; seen by ObserveModules.
  Tensor operator()(const Tensor& x);
  // Of several inputs, some of which the module may allow to be undefined: attention({x, mask}).
  Tensor operator()(const Tensors& inputs);

  // Every name is a path from this module, as in layer1.0.conv1.weight; the order is that of
  // registration, a module's own tensors before those of the modules in it.
  NamedTensorList named_parameters() const;
  NamedTensorList named_buffers() const;
  // Both: what a checkpoint holds.
  NamedTensorList named_state() const;
  // This module ("") and all below it, a module before those in it.
  NamedModules named_modules();

  Tensors parameters() const;
  // The number of elements in all parameters.
  std::int64_t parameter_count() const;

  // Sets the mode of this module and all below it: batch norm and dropout ask for it. Modules start
  // in training mode.
  void train(bool training = true);
  void eval() { train(false); }
  bool is_training() const { return training_; }

  // Converts all floating-point parameters and buffers, or moves them to a device; counters stay on
  // the CPU. They become other tensors: an optimizer is built afterwards.
  void to(DType dtype);
  void to(const Device& device);
  // Where the parameters are; the CPU for a module without any.
  Device device() const;

  // Gives the module's own parameters (not those below it) their starting values; a stream belongs
  // to one parameter. initialize_parameters (nn/init.h) calls it for a whole model.
  virtual void initialize(const ParameterStreams& streams);

  // Sets what the module itself draws from, in a layer that draws. set_randomness calls it for a
  // whole model.
  virtual void set_random_key(const RandomKey&) {}

  // Does what a forward pass does to the module's own state on the CPU. A step that a CUDA device
  // replays computes on the device alone, and calls this for each module instead.
  virtual void replayed() {}

 protected:
  // What operator() does. A module of one input overrides the first, one of several the second, one
  // whose further inputs may be left out both. What is not overridden throws Error, but for a list
  // of one input, which goes to the first.
  virtual Tensor forward(const Tensor& x);
  virtual Tensor forward(const Tensors& inputs);

  // To be called by constructors with members of the module. A name is not empty, has no dot and is
  // used once. A parameter is set to require a gradient.
  void register_parameter(const std::string& name, Tensor& parameter);
  void register_buffer(const std::string& name, Tensor& buffer);
  void register_module(const std::string& name, Module& module);

  // Runs a forward pass of this module on `inputs` under the eyes of ObserveModules. operator()
  // does; a module with a second way of being called wraps it likewise.
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

// Sets what every layer of a model draws from; to be called before each training step. A layer's
// stream is its name in the model; `first_sample` is not 0 where a step is accumulated from several
// batches.
void set_randomness(Module& root, std::uint64_t seed, std::int64_t step,
                    std::int64_t first_sample = 0);

// While one lives, a model and all below it are in evaluation mode; then each module is in its
// former mode again.
class EvaluationMode {
 public:
  explicit EvaluationMode(Module& model);
  ~EvaluationMode();
  EvaluationMode(const EvaluationMode&) = delete;
  EvaluationMode& operator=(const EvaluationMode&) = delete;

 private:
  std::vector<std::pair<Module*, bool>> modes_;
};

// What an observer sees of each pass through a module.
struct ModuleEvent {
  Module& module;
  std::span<const Tensor> inputs;
  const Tensor* output;  // null as the pass begins
};

// While one lives, `observer` is called as each module's forward pass of this thread begins and
// ends: for tables of layers, and for the activations and gradients of a layer found by its name.
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

// Whether somebody observes the modules of this thread: then layers are not fused.
bool modules_are_observed();

}  // namespace osteon
