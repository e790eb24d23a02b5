// Chapter 2 of the book: backward() on a small graph. It prints the value and the gradient at each
// node, the order of the rules, central differences, and what is kept and freed.
#include <cmath>
#include <cstdio>
#include <functional>
#include <string>

#include "ops/ops.h"
#include "tensor/autograd.h"

using namespace osteon;

namespace {

// An op that returns a copy of x. Its rule prints the gradient that arrives, and passes it on.
constexpr OpSchema<std::string> kWatch{"watch"};

Tensor watch(const char* name, const Tensor& x) {
  return record(kWatch, x.clone(), {x}, {x}, std::string(name), [](const Backward& b) {
    std::printf("%-2s value %8.4f   gradient %8.4f\n", b.attrs<std::string>().c_str(),
                b.saved(0).item(), b.dy().item());
    return Tensors{b.dy()};
  });
}

Tensor number(double value) { return from_vector({value}, {1}, DType::f64); }

Tensor leaf(double value) { return number(value).set_requires_grad(true); }

// loss = (sigmoid(p + b) p - t)^2 with p = w x. `see` gets each value and returns it.
using See = std::function<Tensor(const char* name, const Tensor& x)>;
Tensor loss_of(const Tensor& w, const Tensor& b, const See& see) {
  const Tensor x = number(2), t = number(1);
  const Tensor p = see("p", w * x);
  const Tensor z = see("z", p + b);
  const Tensor s = see("s", sigmoid(z));
  const Tensor q = see("q", s * p);
  const Tensor e = see("e", q - t);
  return see("L", e * e);
}

Tensor unseen(const char*, const Tensor& x) { return x; }

double loss_at(double w, double b) { return loss_of(number(w), number(b), unseen).item(); }

void print_error(const char* title, const std::function<void()>& body) {
  try {
    body();
  } catch (const Error& error) {
    std::printf("%s\n  %s\n", title, error.what());
  }
}

void print_memory(const char* when) {
  std::printf("%-22s %5.1f MB\n", when, double(memory_statistics().current_bytes) / 1e6);
}

}  // namespace

int main() {
  const Tensor w = leaf(0.5), b = leaf(-0.5);
  std::printf("-- values and gradients\n");
  backward(loss_of(w, b, watch));
  std::printf("w  value %8.4f   gradient %8.4f\n", w.item(), w.grad().item());
  std::printf("b  value %8.4f   gradient %8.4f\n", b.item(), b.grad().item());

  std::printf("-- order of the rules:");
  {
    const ObserveBackward observer([](const Node& node) { std::printf(" %s", node.name); });
    backward(loss_of(leaf(0.5), leaf(-0.5), unseen));
  }

  std::printf("\n-- largest difference from central differences\n");
  for (const double h : {1e-1, 1e-2, 1e-3}) {
    const double by_w = (loss_at(0.5 + h, -0.5) - loss_at(0.5 - h, -0.5)) / (2 * h);
    const double by_b = (loss_at(0.5, -0.5 + h) - loss_at(0.5, -0.5 - h)) / (2 * h);
    std::printf("h = %.0e   %.1e\n", h,
                std::fmax(std::abs(by_w - w.grad().item()), std::abs(by_b - b.grad().item())));
  }

  std::printf("-- errors\n");
  print_error("a second backward through the same graph:", [] {
    const Tensor loss = loss_of(leaf(0.5), leaf(-0.5), unseen);
    backward(loss);
    backward(loss);
  });
  print_error("a saved tensor that has changed:", [] {
    const Tensor x = leaf(3), y = x * x;
    fill_(x.detach(), 4);
    backward(y);
  });

  std::printf("-- memory of tensors\n");
  Tensor x = full({1000, 1000}, 0.1);  // 4 MB each in f32
  x.set_requires_grad(true);
  print_memory("x alone");
  Tensor y = x;
  for (int i = 0; i < 5; ++i) y = tanh(y);
  const Tensor loss = mean(y);
  y = Tensor();
  print_memory("after the forward pass");
  backward(loss);
  print_memory("after backward");
}
