// Adam's state and the call of the update kernel.
#include "optim/adam.h"

#include "ops/kernels.h"

namespace osteon {

Adam::Adam(std::vector<ParameterGroup> groups, const AdamOptions& options)
    : Optimizer(options.decoupled ? "adamw" : "adam", std::move(groups)), options_(options) {
  const auto& [beta1, beta2, epsilon, decoupled] = options_;
  OSTEON_CHECK(0 <= beta1 && beta1 < 1 && 0 <= beta2 && beta2 < 1 && epsilon >= 0, "adam: beta1 ",
               beta1, ", beta2 ", beta2, ", epsilon ", epsilon,
               "; the betas must be in [0, 1) and epsilon 0 or more");
  add_state("exp_avg", StateShape::as_parameter);
  add_state("exp_avg_sq", StateShape::as_parameter);
  add_state("step", StateShape::scalar);
}

void Adam::update(const Update& u) {
  OSTEON_DISPATCH(u.parameters[0],
                  adam_step(u.parameters, u.gradients, u.state[0], u.state[1], u.state[2],
                            u.learning_rate, u.guard, u.weight_decay, options_));
}

}  // namespace osteon
