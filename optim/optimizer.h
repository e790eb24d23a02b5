// The base class of optimizers: parameter groups, the memory of the gradients, and savable state.
//
//   Adam optimizer({{model.named_parameters(), 1e-3}});
//   optimizer.zero_grad();
//   backward(loss);
//   optimizer.step();
#pragma once

#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "tensor/safetensors.h"
#include "tensor/tensor.h"

namespace osteon {

// Parameters with the same options. All have one dtype, f32 or f64, and are on one device.
struct ParameterGroup {
  std::vector<std::pair<std::string, Tensor>> parameters;  // names as in Module::named_parameters
  double lr = 1e-3;
  double weight_decay = 0;
};

struct OptimizerState {
  NamedTensors tensors;  // exp_avg.layer1.0.conv1.weight, ..., in the layout of the parameters
  nlohmann::json scalars;
};

class Optimizer {
 public:
  Optimizer(const Optimizer&) = delete;
  Optimizer& operator=(const Optimizer&) = delete;
  virtual ~Optimizer() = default;

  // Resets all gradients.
  void zero_grad();

  // Updates each parameter that has a gradient; other parameters and their state stay unchanged.
  // `guard` has one f64 element, for example the result of clip_grad_norm_: if it is not finite,
  // nothing changes and no step is counted. Throws Error if no parameter has a gradient.
  void step(const Tensor& guard = {});

  // From now on every group's learning rate is its `lr` times `factor`.
  void set_lr_factor(double factor);
  double lr(std::size_t group = 0) const { return lr_factor_ * groups_[group].lr; }
  const std::vector<ParameterGroup>& groups() const { return groups_; }
  Tensors parameters() const;

  // The state needed by a resumed run. On the CPU its tensors share the optimizer's memory: save
  // them before the next step.
  OptimizerState state_dict() const;
  // Loads such a state. If tensors are missing, unexpected or of another shape, throws one Error
  // that lists them and changes nothing; likewise if the state belongs to another optimizer or to
  // other groups.
  void load_state_dict(const OptimizerState& state);

 protected:
  // Binds the gradients of all parameters to one block of memory per dtype and device. Throws Error
  // if a group is not as described above, or if a parameter is given twice or was computed by an
  // op.
  Optimizer(std::string name, std::vector<ParameterGroup> groups);

  // Adds a kind of state with one zero tensor per parameter: of the parameter's shape, or one f64
  // element.
  enum class StateShape { as_parameter, scalar };
  void add_state(const std::string& kind, StateShape shape);

  // The arguments of one group's update; the lists have one entry per parameter with a gradient.
  struct Update {
    Tensors parameters, gradients;
    std::vector<Tensors> state;  // one list per kind, in the order of add_state
    Tensor learning_rate;        // one f64 element
    Tensor guard;
    double weight_decay = 0;
  };
  virtual void update(const Update& update) = 0;

 private:
  struct State {
    std::string kind;
    std::vector<Tensors> tensors;  // one list per group
  };

  std::map<std::string, Tensor> named_state() const;
  Update collect(std::size_t group, const Tensor& guard) const;

  const std::string name_;
  std::vector<ParameterGroup> groups_;
  std::vector<State> states_;
  Tensors learning_rates_;  // one per group
  double lr_factor_ = 1;
};

// Scales all gradients so that their joint Euclidean norm is at most max_norm; returns the original
// norm as one f64 element. If the norm is not finite, the gradients stay unchanged: pass it to
// Optimizer::step, which then skips the step. With an infinite max_norm it only measures the norm.
// Parameters have one dtype, f32 or f64, and are on one device; those without a gradient are
// ignored.
Tensor clip_grad_norm_(const Tensors& parameters, double max_norm);

// tensors <- kept unless guard, one f64 element, is finite: undoes the update of the running
// statistics in a skipped step. The lists have the same shapes, dtypes (f64 or f32) and device.
void restore_unless_finite_(const Tensor& guard, const Tensors& tensors, const Tensors& kept);

}  // namespace osteon
