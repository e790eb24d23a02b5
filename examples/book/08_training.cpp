// Chapter 8 of the book: the loss in f32, optimizers on a function of two numbers, Adam's first
// steps, weight decay, the average of weights, and updates that are lost in bf16.
// With the argument "paths" or "schedule" it prints the points of a figure.
#include <cmath>
#include <cstdio>
#include <memory>
#include <string>

#include "ops/ops.h"
#include "optim/adam.h"
#include "optim/lr_scheduler.h"
#include "optim/sgd.h"
#include "optim/weight_average.h"
#include "tensor/creation.h"

using namespace osteon;

namespace {

Tensor leaf(const Tensor& x) {
  Tensor parameter = x;
  parameter.set_requires_grad(true);
  return parameter;
}

std::vector<ParameterGroup> group(const Tensor& parameter, double lr, double decay = 0) {
  return {{.parameters = {{"p", parameter}}, .lr = lr, .weight_decay = decay}};
}

void print_losses() {
  std::puts("loss of target 1 in f32\n     z    as defined    stable");
  for (const float z : {-100.0F, -5.0F, 5.0F, 20.0F}) {
    const float defined = -std::log(1 / (1 + std::exp(-z)));
    const Tensor logit = full({1}, z);
    const double stable = binary_cross_entropy_with_logits(logit, full({1}, 1)).item();
    std::printf("%6.0f %13.4g %9.4g\n", static_cast<double>(z), static_cast<double>(defined),
                stable);
  }
  // The gradient, against central differences.
  const Tensor z = leaf(randn({50}, 1, 0, DType::f64)), t = rand({50}, 1, 1, DType::f64);
  backward(binary_cross_entropy_with_logits(z, t));
  double largest = 0;
  for (std::int64_t i = 0; i < 50; ++i) {
    const double h = 1e-5;
    double loss[2];
    for (const int side : {0, 1}) {
      const Tensor moved = z.detach().clone();
      moved.data<double>()[i] += side == 0 ? -h : h;
      loss[side] = binary_cross_entropy_with_logits(moved, t).item();
    }
    const double slope = (loss[1] - loss[0]) / (2 * h);
    largest = std::max(largest, std::abs(slope - z.grad().data<double>()[i]));
  }
  std::printf("gradient against central differences: largest difference %s 1e-10\n\n",
              largest < 1e-10 ? "below" : "ABOVE");
}

// f(p) = (p0^2 + 100 p1^2) / 2 from (1, 1).
template <class Step>
void descend(const char* name, int steps, bool all, const Step& make) {
  const Tensor p = leaf(full({2}, 1, DType::f64)), curvature = tensor({1, 100}, DType::f64);
  const auto optimizer = make(p);
  if (!all) std::printf("%-22s", name);
  for (int step = 0; step <= steps; ++step) {
    const Tensor f = sum(curvature * p * p) * 0.5;
    if (all) std::printf("%s %.4f %.4f\n", name, p.data<double>()[0], p.data<double>()[1]);
    if (!all && (step == 10 || step == 30 || step == 100)) std::printf(" %9.2e", f.item());
    optimizer->zero_grad();
    backward(f);
    optimizer->step();
  }
  if (!all) std::puts("");
}

void print_descents(int steps, bool all) {
  if (!all) std::puts("(p0^2 + 100 p1^2) / 2      10        30       100 steps");
  descend("sgd", steps, all, [](const Tensor& p) {
    return std::make_unique<SGD>(group(p, 2.0 / 101), SGDOptions{.momentum = 0});
  });
  descend("momentum", steps, all, [](const Tensor& p) {
    return std::make_unique<SGD>(group(p, 0.03), SGDOptions{.momentum = 0.7});
  });
  descend("adam", steps, all,
          [](const Tensor& p) { return std::make_unique<Adam>(group(p, 0.1)); });
}

void print_adam() {
  std::puts("\nAdam, gradient 5 in each step: p / lr, and what it is without the corrections");
  const Tensor p = leaf(zeros({1}, DType::f64));
  Adam optimizer(group(p, 1));
  double m = 0, v = 0, uncorrected = 0;
  for (int t = 1; t <= 100; ++t) {
    optimizer.zero_grad();
    p.accumulate_grad(full({1}, 5, DType::f64));
    optimizer.step();
    m = 0.9 * m + 0.1 * 5, v = 0.999 * v + 0.001 * 25;
    uncorrected -= m / std::sqrt(v);
    if (t == 1 || t == 2 || t == 10 || t == 100)
      std::printf("%4d %9.3f %9.3f\n", t, p.item(), uncorrected);
  }

  std::puts("\nweights 1 and 1 with gradients +-10 and +-0.1, after 200 steps");
  struct Row {
    const char* name;
    double decay;
    bool decoupled;
  };
  for (const auto& [name, decay, decoupled] : {Row{"no decay", 0, false},
                                               {"Adam, decay 0.1", 0.1, false},
                                               {"AdamW, decay 0.1", 0.1, true}}) {
    const Tensor w = leaf(full({2}, 1, DType::f64)), size = tensor({10, 0.1}, DType::f64);
    Adam adam(group(w, 0.01, decay), {.decoupled = decoupled});
    for (int t = 0; t < 200; ++t) {
      adam.zero_grad();
      w.accumulate_grad(size * (t % 2 == 0 ? 1.0 : -1.0));
      adam.step();
    }
    std::printf("%-16s %6.3f %6.3f\n", name, w.data<double>()[0], w.data<double>()[1]);
  }
}

}  // namespace

int main(int argc, char** argv) {
  const std::string argument = argc > 1 ? argv[1] : "";
  if (argument == "paths") return print_descents(30, true), 0;
  if (argument == "schedule") {
    for (int step = 0; step <= 200; ++step)
      std::printf("%d %.4f\n", step, cosine_with_warmup(step, 20, 200));
    return 0;
  }
  print_losses();
  print_descents(100, false);
  print_adam();

  std::puts("\nupdate   share of the first weights   growing decay   its length");
  for (const int t : {1, 8, 125, 1000, 8000, 27000}) {
    const double decay = average_decay(0.998, t);
    std::printf("%6d %28.3f %15.3f %12.0f\n", t, std::pow(0.998, t), decay, 1 / (1 - decay));
  }

  std::puts("\n1 + 1000 times 0.001");
  for (const DType dtype : {DType::f32, DType::bf16}) {
    Tensor weight = full({1}, 1, dtype);
    const Tensor update = full({1}, 0.001, dtype);
    for (int i = 0; i < 1000; ++i) weight = weight + update;
    std::printf("%-4s %.3f\n", format(dtype).c_str(), weight.item());
  }
  // What a layer does: the parameter is f32, the product bf16, the gradient f32 again.
  const Tensor weight = leaf(full({1, 1}, 1.001)), x = full({1, 1}, 1, DType::bf16);
  const Tensor y = linear(x, cast(weight, DType::bf16));
  backward(sum(y));
  std::printf("product %.3f in %s, gradient in %s, weight %.3f in %s\n", y.item(),
              format(y.dtype()).c_str(), format(weight.grad().dtype()).c_str(), weight.item(),
              format(weight.dtype()).c_str());
}
