// The momentum and the call of the update kernel.
#include "optim/sgd.h"

#include "ops/kernels.h"

namespace osteon {

SGD::SGD(std::vector<ParameterGroup> groups, const SGDOptions& options)
    : Optimizer("sgd", std::move(groups)), options_(options) {
  OSTEON_CHECK(0 <= options_.momentum && options_.momentum < 1, "sgd: momentum ", options_.momentum,
               " is not in [0, 1)");
  OSTEON_CHECK(!options_.nesterov || options_.momentum > 0,
               "sgd: Nesterov's variant needs a momentum above 0");
  add_state("momentum_buffer", StateShape::as_parameter);
}

void SGD::update(const Update& u) {
  OSTEON_DISPATCH(u.parameters[0], sgd_step(u.parameters, u.gradients, u.state[0], u.learning_rate,
                                            u.guard, u.weight_decay, options_));
}

}  // namespace osteon
