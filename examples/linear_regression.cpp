// Training on one page: data, a model, a loss, an optimizer and a loop. The model is a line through
// noisy points; the result is compared with the line from which the points were drawn.
#include <cmath>
#include <iostream>

#include "base/random.h"
#include "nn/init.h"
#include "nn/layers.h"
#include "ops/ops.h"
#include "optim/sgd.h"

using namespace osteon;

int main() {
  // 256 points around y = 3 x - 2.
  const Tensor x({256, 1}, DType::f32), noise({256, 1}, DType::f32);
  uniform_(x, 1, {.seed = 1, .stream = 0});
  uniform_(noise, 0.1, {.seed = 1, .stream = 1});
  const Tensor y = 3.0 * x - 2.0 + noise;

  // A layer has named parameters; an optimizer changes them by their gradients.
  Linear model(1, 1);
  initialise_parameters(model, /*seed=*/2);
  SGD optimizer({{.parameters = model.named_parameters(), .lr = 0.1}});

  for (int step = 1; step <= 100; ++step) {
    const Tensor error = model(x) - y;
    const Tensor loss = mean(error * error);
    optimizer.zero_grad();  // otherwise the gradients of all steps would be added
    backward(loss);
    optimizer.step();
    if (step % 20 == 0) std::cout << "step " << step << ": loss " << loss.item() << "\n";
  }

  const double slope = model.named_parameters()[0].second.item();
  const double offset = model.named_parameters()[1].second.item();
  std::cout << "y = " << slope << " x + " << offset << "\n";
  return std::abs(slope - 3) < 0.05 && std::abs(offset + 2) < 0.05 ? 0 : 1;
}
