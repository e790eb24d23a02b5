// A short training that is stopped half-way and continued by other objects, with its whole state or
// without one part of it.
#include <cstdio>
#include <optional>
#include <string>

#include "nn/init.h"
#include "nn/layers.h"
#include "nn/state_dict.h"
#include "ops/ops.h"
#include "optim/adam.h"

using namespace osteon;

namespace {

struct Training {
  Training() {
    model.append<Linear>(4, 16);
    model.append<BatchNorm2d>(16);
    model.append<Dropout>(0.5);
    model.append<Linear>(16, 1);
    initialise_parameters(model, 1);
    optimizer.emplace(std::vector<ParameterGroup>{{model.named_parameters(), 1e-2}});
  }
  void steps(std::int64_t begin, std::int64_t end) {
    for (std::int64_t step = begin; step < end; ++step) {
      const Tensor x({8, 4}, DType::f32);
      uniform_(x, 1, {.seed = 2, .stream = static_cast<std::uint64_t>(step)});
      set_randomness(model, /*seed=*/3, step);
      optimizer->zero_grad();
      backward(mean(square(model(x) - sum(x, {1}, true))));
      optimizer->step();
    }
  }
  std::vector<double> weights() const {
    std::vector<double> all;
    for (const auto& [name, parameter] : model.named_parameters())
      for (const double value : parameter.to_vector()) all.push_back(value);
    return all;
  }
  // What a user sees: the prediction of the model in evaluation mode.
  double prediction() {
    model.eval();
    const double y = model(full({1, 4}, 0.3)).item();
    model.train();
    return y;
  }
  Sequential model;
  std::optional<Adam> optimizer;
};

}  // namespace

int main() {
  Training whole;
  whole.steps(0, 10);
  const double expected = whole.prediction();
  const auto weights_of_whole = whole.weights();
  for (const char* left_out : {"nothing", "moments", "statistics", "step"}) {
    const std::string name = left_out;
    Training first, second;
    first.steps(0, 5);
    NamedTensors saved = state_dict(first.model);
    const NamedTensors fresh = state_dict(second.model);
    for (std::size_t i = 0; i < saved.tensors.size(); ++i)
      if (name == "statistics" && saved.tensors[i].first.find("running_") != std::string::npos)
        saved.tensors[i] = fresh.tensors[i];
    load_state_dict(second.model, saved);
    if (name != "moments") second.optimizer->load_state_dict(first.optimizer->state_dict());
    name == "step" ? second.steps(0, 5) : second.steps(5, 10);
    std::printf("without %-10s  %s weights, %s prediction\n", left_out,
                second.weights() == weights_of_whole ? "the same" : "other",
                second.prediction() == expected ? "the same" : "another");
  }
}
