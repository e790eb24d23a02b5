// Adam, and AdamW, whose weight decay does not enter the moments.
#pragma once

#include "ops/optimizer.h"
#include "optim/optimizer.h"

namespace osteon {

// ops/optimizer.h has the update; options.decoupled makes it AdamW. Each parameter counts its own
// steps, so that the bias correction is right for a parameter whose training starts later.
class Adam : public Optimizer {
 public:
  explicit Adam(std::vector<ParameterGroup> groups, const AdamOptions& options = {});

 protected:
  void update(const Update& update) override;

 private:
  const AdamOptions options_;
};

}  // namespace osteon
