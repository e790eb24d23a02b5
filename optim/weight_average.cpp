#include "optim/weight_average.h"

#include <algorithm>
#include <cmath>

#include "ops/kernels.h"

namespace osteon {

double average_decay(double limit, std::int64_t update) {
  return std::min(limit, 1 - std::pow(static_cast<double>(update), -2.0 / 3));
}

void update_average(const Module& average, const Module& model, double decay) {
  OSTEON_CHECK(0 <= decay && decay <= 1, "update_average: decay ", decay, " is not in [0, 1]");
  const NamedTensorList averages = average.named_state(), values = model.named_state();
  OSTEON_CHECK(averages.size() == values.size(), "update_average: the average has ",
               averages.size(), " tensors, the model ", values.size());
  Tensors to, from;
  for (std::size_t i = 0; i < values.size(); ++i) {
    const auto& [name, value] = values[i];
    const Tensor& own = averages[i].second;
    OSTEON_CHECK(own.shape() == value.shape() && own.dtype() == value.dtype() &&
                     own.device() == value.device(),
                 "update_average: ", name, " is ", own.shape(), " ", own.dtype(), " on ",
                 own.device(), " in the average and ", value.shape(), " ", value.dtype(), " on ",
                 value.device(), " in the model");
    if (is_floating(value.dtype())) {
      to.push_back(own);
      from.push_back(value);
    } else {
      copy_(own, value);
    }
  }
  if (to.empty()) return;
  OSTEON_DISPATCH(to[0], average_step(to, from, decay));
  for (const Tensor& tensor : to) tensor.bump_version();
}

}  // namespace osteon
