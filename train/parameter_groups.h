// The parameter groups of a run: head and body, matrices and vectors.
#pragma once

#include <string>
#include <vector>

#include "nn/module.h"
#include "optim/optimizer.h"
#include "train/options.h"

namespace osteon {

// Groups the parameters by their learning rate (options.lr, below `head` options.head_lr) and
// weight decay (options.weight_decay; of norms and biases, which are vectors,
// options.weight_decay_norm). The first group is that of the model's first parameter.
std::vector<ParameterGroup> parameter_groups(const Module& model, const std::string& head,
                                             const TrainOptions& options);

}  // namespace osteon
