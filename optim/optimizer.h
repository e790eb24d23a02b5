// What all optimizers share: groups of parameters, the gradients' memory, and state that can be
// saved.
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

// Parameters that are updated alike. They are of one dtype, f32 or f64, and on one device.
struct ParameterGroup {
  std::vector<std::pair<std::string, Tensor>> parameters;  // names as in Module::named_parameters
  double lr = 1e-3;
  double weight_decay = 0;
};

struct OptimizerState {
  NamedTensors tensors;  // exp_avg.layer1.0.conv1.weight, ..., laid out as the parameters
  nlohmann::json scalars;
};

class Optimizer {
 public:
  Optimizer(const Optimizer&) = delete;
  Optimizer& operator=(const Optimizer&) = delete;
  virtual ~Optimizer() = default;

  // Forgets all gradients.
  void zero_grad();

  // Updates each parameter that has a gradient; the others stay as they are, and so does their
  // state. `guard` has one f64 element, such as what clip_grad_norm_ returns: unless it is finite,
  // nothing is changed and no step is counted. Throws Error if no parameter has a gradient.
  void step(const Tensor& guard = {});

  // Every group's learning rate from now on is its `lr` times `factor`.
  void set_lr_factor(double factor);
  double lr(std::size_t group = 0) const { return lr_factor_ * groups_[group].lr; }
  const std::vector<ParameterGroup>& groups() const { return groups_; }
  Tensors parameters() const;

  // What a resumed run needs. On the CPU the tensors look at the optimizer's own memory: save them
  // before the next step.
  OptimizerState state_dict() const;
  // Takes over such a state. Throws one Error that lists what is missing, too much or of another
  // shape, and changes nothing then; also if it is of another optimizer or other groups.
  void load_state_dict(const OptimizerState& state);

 protected:
  // Binds the gradients of all parameters to fixed places in one block of memory per dtype and
  // device. Throws Error for a group that is not as described above, and for a
  // parameter that is given twice or was computed by an op.
  Optimizer(std::string name, std::vector<ParameterGroup> groups);

  // Adds a kind of state with one zero tensor a parameter: of its shape, or one f64 element.
  enum class StateShape { as_parameter, scalar };
  void add_state(const std::string& kind, StateShape shape);

  // What one group's update works on; the lists have one entry for each parameter with a gradient.
  struct Update {
    Tensors parameters, gradients;
    std::vector<Tensors> state;  // one list a kind, in the order of add_state
    Tensor learning_rate;        // one f64 element
    Tensor guard;
    double weight_decay = 0;
  };
  virtual void update(const Update& update) = 0;

 private:
  struct State {
    std::string kind;
    std::vector<Tensors> tensors;  // one list a group
  };

  std::map<std::string, Tensor> named_state() const;
  Update collect(std::size_t group, const Tensor& guard) const;

  const std::string name_;
  std::vector<ParameterGroup> groups_;
  std::vector<State> states_;
  Tensors learning_rates_;  // one a group
  double lr_factor_ = 1;
};

// Scales all gradients so that their Euclidean norm, taken together, is at most max_norm; returns
// the norm before as one f64 element. One that is not finite leaves the gradients alone: hand it to
// Optimizer::step, which then skips. An infinite max_norm only measures. Parameters are of one
// dtype, f32 or f64, and on one device; those without a gradient are passed over.
Tensor clip_grad_norm_(const Tensors& parameters, double max_norm);

// tensors <- kept unless guard, one f64 element, is finite: takes back what a step did to running
// statistics that turned out not to be one. The lists are alike in shapes, dtypes (f64 or f32) and
// device.
void restore_unless_finite_(const Tensor& guard, const Tensors& tensors, const Tensors& kept);

}  // namespace osteon
