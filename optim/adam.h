// Adam, and AdamW, which takes the weight decay out of the moments.
#pragma once

#include "ops/optimizer.h"
#include "optim/optimizer.h"

namespace osteon {

// The update is in ops/optimizer.h; options.decoupled makes it AdamW. Each parameter counts its own
// steps, so that one that starts to train later is corrected for its own start.
class Adam : public Optimizer {
 public:
  explicit Adam(std::vector<ParameterGroup> groups, const AdamOptions& options = {});

 protected:
  void update(const Update& update) override;

 private:
  const AdamOptions options_;
};

}  // namespace osteon
