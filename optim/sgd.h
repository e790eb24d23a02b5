// Stochastic gradient descent with momentum.
#pragma once

#include "ops/optimizer.h"
#include "optim/optimizer.h"

namespace osteon {

// The update is in ops/optimizer.h.
class SGD : public Optimizer {
 public:
  explicit SGD(std::vector<ParameterGroup> groups, const SGDOptions& options = {});

 protected:
  void update(const Update& update) override;

 private:
  const SGDOptions options_;
};

}  // namespace osteon
