// What a tensor is: how to make, combine and print one, and how to get a gradient, once by hand and
// once by backward().
#include "tensor/tensor.h"

#include <cmath>
#include <iostream>

#include "ops/ops.h"

using namespace osteon;

int main() {
  // A tensor is a dense block of numbers with a shape, a dtype and a device.
  const Tensor x = from_vector({1, 2, 3, 4, 5, 6}, {2, 3});
  std::cout << "x =\n" << x << "\n";

  // Operations are functions; operators and numbers work, too.
  std::cout << "2 x + 1 =\n" << 2.0 * x + 1.0 << "\n";
  std::cout << "sum over the rows =\n" << sum(x, {0}) << "\n";

  // Broadcasting: shapes are aligned at the right, and an extent of 1 is repeated.
  const Tensor column = from_vector({10, 20}, {2, 1});
  std::cout << "x + column =\n" << x + column << "\n";

  // Shapes that do not fit together throw an Error that names them.
  try {
    x + from_vector({1, 2}, {2});
  } catch (const Error& error) {
    std::cout << "an error: " << error.what() << "\n";
  }

  // A gradient: loss = mean((w x - 1)^2) for a number w. By hand, dloss/dw = mean(2 (w x - 1) x).
  Tensor w = from_vector({0.5}, {1});
  w.set_requires_grad(true);
  const Tensor error = w * x - 1.0;
  const Tensor loss = mean(error * error);
  backward(loss);

  const Tensor by_hand = mean(2.0 * error.detach() * x);
  std::cout << "loss = " << loss.item() << "\n"
            << "gradient by backward = " << w.grad().item() << ", by hand = " << by_hand.item()
            << "\n";
  return std::abs(w.grad().item() - by_hand.item()) < 1e-5 ? 0 : 1;
}
