// Chapter 7 of the book: names of parameters, the size of signals and gradients in deep stacks, a
// dense block in one buffer, patches, attention, and the arithmetic of some models.
// With the argument "depth" it prints the points of a figure.
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <string>

#include "base/parallel.h"
#include "nn/densenet.h"
#include "nn/describe.h"
#include "nn/init.h"
#include "nn/models.h"
#include "ops/ops.h"
#include "tensor/creation.h"
#include "tensor/storage.h"

using namespace osteon;

namespace {

double mean_square(const Tensor& x) { return mean(x * x).item(); }

double largest_difference(const Tensor& a, const Tensor& b) {
  const auto differences = abs(a - b).to_vector();
  return *std::ranges::max_element(differences);
}

// The mean square of x_0 = 16 normal vectors of 256 elements after each layer x <- relu(W x), where
// the elements of W have the variance `gain` / 256.
std::vector<double> squares_by_depth(double gain) {
  std::vector<double> squares;
  Tensor x = randn({16, 256}, 1, 0);
  for (std::uint64_t layer = 1; layer <= 30; ++layer) {
    x = relu(linear(x, randn({256, 256}, 1, layer) * std::sqrt(gain / 256)));
    squares.push_back(mean_square(x));
  }
  return squares;
}

// The size of the gradient of sum(u x_L) with respect to x_0, relative to u's: for blocks x <- f(x)
// or x <- x + f(x), with f(x) = W2 relu(W1 x), where W1 has the variance 2 / 256 and W2 `gain` /
// 256.
double gradient_size(std::uint64_t depth, double gain, bool has_shortcut) {
  Tensor x0 = randn({16, 256}, 2, 0);
  x0.set_requires_grad(true);
  Tensor x = x0;
  for (std::uint64_t block = 1; block <= depth; ++block) {
    const Tensor inner = relu(linear(x, randn({256, 256}, 2, 2 * block) * std::sqrt(2.0 / 256)));
    const Tensor f = linear(inner, randn({256, 256}, 2, 2 * block + 1) * std::sqrt(gain / 256));
    x = has_shortcut ? x + f : f;
  }
  const Tensor u = randn({16, 256}, 2, 1);
  backward(sum(u * x));
  return std::sqrt(mean_square(x0.grad()) / mean_square(u));
}

void print_depths() {
  std::puts("\nmean square after 1, 10 and 30 layers of relu(W x)");
  for (const double gain : {1.0, 2.0, 3.0}) {
    const auto squares = squares_by_depth(gain);
    std::printf("variance %.0f/n %9.1e %9.1e %9.1e\n", gain, squares[0], squares[9], squares[29]);
  }
  std::puts("\nsize of the gradient through 30 blocks   f(x)   x + f(x)");
  for (const double gain : {0.0625, 1.0})
    std::printf("W2 of variance %.4f/n %23.0e %10.0e\n", gain, gradient_size(30, gain, false),
                gradient_size(30, gain, true));
}

// Peak memory of `work`, in MB, beyond what there was before.
template <class Work>
double peak_of(const Work& work) {
  reset_peak_memory();
  const auto before = memory_statistics().current_bytes;
  work();
  return static_cast<double>(memory_statistics().peak_bytes - before) / 1e6;
}

void print_dense_block() {
  DenseBlock block(24, 256, 32);  // the third one of a DenseNet121
  initialise_parameters(block, 1);
  Tensor layered, fused;
  const Tensor x = randn({4, 14, 14, 256}, 3, 0);
  const double one_by_one = peak_of([&] {
    const ObserveModules observe([](const ModuleEvent&) {});  // then the layers run one by one
    backward(sum(layered = block(x)));
  });
  for (const Tensor& parameter : block.parameters()) parameter.zero_grad();
  const double one_buffer = peak_of([&] { backward(sum(fused = block(x))); });
  std::printf(
      "\ndense block: concat needs %.0f times the memory of one buffer; difference %s 1e-4\n",
      one_by_one / one_buffer, largest_difference(layered, fused) < 1e-4 ? "below" : "ABOVE");
}

void print_attention() {
  // Queries and keys of 64 elements with variance 1, and the largest of 197 weights.
  const Tensor q = randn({197, 64}, 4, 0), k = randn({197, 64}, 4, 1);
  const Tensor scores = matmul(q, k, false, true);
  std::puts("\nscores      variance   mean of the largest weight");
  for (const double scale : {1.0, 1 / std::sqrt(64.0)})
    std::printf("%-10s %9.2f %28.2f\n", scale == 1 ? "q k" : "q k / 8", mean_square(scores * scale),
                mean(topk(softmax(scores * scale), 1).values).item());

  std::puts("\npositions  MB with all scores  MB in blocks  largest difference");
  for (const std::int64_t length : {197, 785}) {
    Tensor query = randn({1, length, 3, 64}, 5, 0);
    query.set_requires_grad(true);
    const Tensor key = randn({1, length, 3, 64}, 5, 1), value = randn({1, length, 3, 64}, 5, 2);
    const auto by_head = [](const Tensor& x) { return permute(x, {0, 2, 1, 3}); };
    Tensor whole, blocked;
    const double all = peak_of([&] {
      const Tensor s = matmul(by_head(query) * (1 / std::sqrt(64.0)), by_head(key), false, true);
      backward(sum(whole = by_head(matmul(softmax(s), by_head(value)))));
    });
    query.zero_grad();
    const double some =
        peak_of([&] { backward(sum(blocked = scaled_dot_product_attention(query, key, value))); });
    std::printf("%9d %19.1f %13.1f   %s 1e-5\n", static_cast<int>(length), all, some,
                largest_difference(whole, blocked) < 1e-5 ? "below" : "ABOVE");
  }
}

}  // namespace

int main(int argc, char** argv) {
  set_num_threads(1);  // each thread needs memory of its own, and peaks of memory are printed
  if (argc > 1 && std::string(argv[1]) == "depth") {
    for (const double gain : {1.0, 2.0, 3.0})
      for (const double square : squares_by_depth(gain)) std::printf("%.0f %.3e\n", gain, square);
    return 0;
  }
  const auto model = make_model("resnet18", {.seed = 1});
  int shown = 0;
  for (const auto& [name, parameter] : model->named_parameters()) {
    if (++shown <= 7) std::printf("%-24s %s\n", name.c_str(), format(parameter.shape()).c_str());
  }
  std::printf("%d parameters in all\n", shown);
  print_depths();
  print_dense_block();

  // A patch is a row of 16 x 16 x 3 numbers; the projection of all patches is a convolution.
  const Tensor image = randn({1, 224, 224, 3}, 6, 0), filters = randn({192, 16, 16, 3}, 6, 1);
  const Tensor cut = permute(reshape(image, {14, 16, 14, 16, 3}), {0, 2, 1, 3, 4});
  const Tensor rows = linear(reshape(cut, {196, 768}), reshape(filters, {192, 768}));
  const Tensor pixels = reshape(conv2d(image, filters, {}, {.stride = 16}), {196, 192});
  std::printf("patches: largest difference %s 1e-3\n",
              largest_difference(rows, pixels) < 1e-3 ? "below" : "ABOVE");
  print_attention();

  std::puts("\nmodel                   parameters   GMACs");
  for (const char* name : {"resnet18", "resnet50", "densenet121", "vit_tiny_patch16_224"}) {
    const auto each = make_model(name);
    const ModelSummary summary = describe(*each, {1, 224, 224, 3});
    std::printf("%-22s %11d %7.2f\n", name, static_cast<int>(summary.parameters),
                static_cast<double>(summary.flops) / 2e9);
  }
}
