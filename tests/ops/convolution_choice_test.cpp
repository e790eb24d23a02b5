// The choice of a convolution's kernel: by measurements (ops/convolution/measured.h) and by timing
// (ops/convolution/tuning.h), and the file of the choices.
#include <doctest/doctest.h>

#include <cmath>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

#include "base/json.h"
#include "base/parallel.h"
#include "nn/init.h"
#include "ops/backend.h"
#include "ops/convolution/measured.h"
#include "ops/convolution/run.h"
#include "tests/support/message_of.h"
#include "tests/support/temporary_folder.h"

using namespace osteon;
using namespace osteon::convolution;
using enum InstructionSet;
using enum Direction;

namespace {

namespace fs = std::filesystem;

// direct, Winograd on 2x2 and 4x4 outputs, oneDNN
constexpr Measured kRows[] = {
    {avx2, forward, 3, 1, 56, 64, 64, 1, {200, 0, 0, 100}},
    {avx2, forward, 3, 1, 7, 512, 512, 1, {100, 0, 0, 200}},
    {avx2, forward, 3, 1, 7, 512, 512, 512, {5, 0, 0, 9}},
    {avx2, forward, 3, 2, 28, 64, 128, 1, {100, 0, 0, 200}},
    {avx2, backward_input, 3, 1, 56, 64, 64, 1, {100, 0, 0, 200}},
    {avx512, forward, 3, 1, 56, 64, 64, 1, {100, 0, 0, 200}},
    {avx2, forward, 1, 1, 56, 64, 64, 1, {0, 0, 0, 100}},
    {avx2, backward_weight, 3, 1, 56, 64, 64, 1, {100, 150, 200, 90}},
    {avx2, backward_weight, 3, 1, 4, 512, 512, 1, {100, 150, 120, 90}},
};

Tensor random(const Shape& shape) {
  const Tensor x(shape, DType::f32);
  uniform_(x, 1, {.seed = 3, .stream = 0});
  return x;
}

// Convolutions in all directions, with all additions.
struct Step {
  Tensor x = random({2, 9, 8, 32}), weight = random({32, 3, 3, 32}), bias = random({32});

  Tensors results() const {
    const Conv2dOptions options{.padding = 1};
    Tensor input = x.clone(), filters = weight.clone();
    input.set_requires_grad(true);
    filters.set_requires_grad(true);
    // The image has two users, so that its second gradient is added to the first.
    const Tensor image = input * 0.5;
    const Tensor y = conv2d(conv2d(image, filters, bias, options), filters, bias, options);
    backward(sum(y * y) + sum(conv2d(image, filters, bias, options)));
    const NoGrad no_grad;
    return Tensors{y.detach(), input.grad(), filters.grad(),
                   conv2d_add_activation(x, weight, bias, y.detach(), Activation::relu, options)};
  }
};

void check_near(const Tensors& results, const Tensors& expected) {
  for (std::size_t i = 0; i < expected.size(); ++i) {
    CAPTURE(i);
    const std::vector<double> a = results[i].to_vector(), b = expected[i].to_vector();
    double size = 0, difference = 0;
    for (std::size_t j = 0; j < a.size(); ++j) {
      size = std::max(size, std::abs(b[j]));
      difference = std::max(difference, std::abs(a[j] - b[j]));
    }
    CHECK(difference <= 1e-5 * size);
  }
}

// The kernels that compute() took while this object lived.
class Kernels {
 public:
  const std::vector<std::string>& names() const { return names_; }

 private:
  std::vector<std::string> names_;
  const ObserveConvolutions observer_{[this](const Execution& e) { names_.push_back(e.kernel); }};
};

// The choices in a file, by convolution.
nlohmann::ordered_json choices_in(const fs::path& path) { return read_json(path, 1 << 20); }

}  // namespace

TEST_CASE("the nearest measured shape of a class decides") {
  struct Row {
    const char* name;
    InstructionSet set;
    Direction direction;
    Extents extents;
    Kernel first;
  };
  constexpr std::int64_t kLarge = 56 * 56, kSmall = 7 * 7;
  for (const Row& row : {
           Row{"a measured shape", avx2, forward, {3, 1, kLarge, 64, 64, 1}, Kernel::direct},
           Row{"another", avx2, forward, {3, 1, kSmall, 512, 512, 1}, Kernel::onednn},
           Row{"near the first", avx2, forward, {3, 1, 28 * 28, 128, 128, 1}, Kernel::direct},
           Row{"near the second", avx2, forward, {3, 1, 14 * 14, 256, 256, 1}, Kernel::onednn},
           Row{"not square", avx2, forward, {3, 1, 112 * 28, 64, 64, 1}, Kernel::direct},
           Row{"another stride", avx2, forward, {3, 2, kLarge, 64, 64, 1}, Kernel::onednn},
           Row{"another direction",
               avx2,
               backward_input,
               {3, 1, kLarge, 64, 64, 1},
               Kernel::onednn},
           Row{"another set", avx512, forward, {3, 1, kLarge, 64, 64, 1}, Kernel::onednn},
           Row{"depthwise", avx2, forward, {3, 1, kLarge, 64, 64, 64}, Kernel::onednn},
           Row{"one kernel was not measured",
               avx2,
               forward,
               {1, 1, kLarge, 64, 64, 1},
               Kernel::onednn},
           Row{"no row of the kernel size",
               avx2,
               forward,
               {5, 1, kLarge, 64, 64, 1},
               Kernel::direct},
           Row{"no row of the set", baseline, forward, {3, 1, kLarge, 64, 64, 1}, Kernel::direct},
           Row{"no row of the direction",
               avx512,
               backward_weight,
               {3, 1, kLarge, 64, 64, 1},
               Kernel::direct},
           Row{"Winograd on large tiles",
               avx2,
               backward_weight,
               {3, 1, kLarge, 64, 64, 1},
               Kernel::winograd_4x4},
           Row{"Winograd on small tiles",
               avx2,
               backward_weight,
               {3, 1, kSmall, 512, 512, 1},
               Kernel::winograd_2x2},
           Row{"two strides", avx2, forward, {3, {2, 1}, kLarge, 64, 64, 1}, Kernel::direct},
           Row{"a kernel that is not square",
               avx2,
               forward,
               {{3, 1}, 1, kLarge, 64, 64, 1},
               Kernel::direct},
           Row{"wide groups", avx2, forward, {3, 1, kLarge, 64, 64, 4}, Kernel::direct},
           Row{"narrow groups", avx2, forward, {3, 1, kLarge, 64, 64, 8}, Kernel::onednn},
       }) {
    CAPTURE(std::string(row.name));
    const auto order = ranked(kRows, row.set, row.direction, row.extents);
    CHECK(order[0] == row.first);
    CHECK(order[1] != row.first);
  }
}

TEST_CASE("a kernel that is not possible is passed over") {
  using Names = std::vector<std::string>;
  struct Row {
    const char* name;
    Backend backend;
    DType dtype;
    Kernel preferred;
    Names kernels;  // that may be taken
  };
  const Tensor x = random({1, 6, 6, 16}), weight = random({16, 3, 3, 16});
  const Names onednn = {has_fast_path() ? "onednn" : "direct"};
  const Names bf16 = has_fast_bf16() ? Names{"onednn"} : Names{"onednn", "reference"};
  for (const Row& row : {
           Row{"f32", Backend::automatic, DType::f32, Kernel::direct, {"direct"}},
           Row{"f32, oneDNN first", Backend::automatic, DType::f32, Kernel::onednn, onednn},
           Row{"f32, Winograd",
               Backend::automatic,
               DType::f32,
               Kernel::winograd_4x4,
               {"winograd_4x4"}},
           Row{"f32, no Winograd", Backend::direct, DType::f32, Kernel::winograd_4x4, {"direct"}},
           Row{"f32, our own", Backend::direct, DType::f32, Kernel::onednn, {"direct"}},
           Row{"f32, the reference", Backend::reference, DType::f32, Kernel::direct, {"reference"}},
           Row{"bf16", Backend::automatic, DType::bf16, Kernel::direct, bf16},
           Row{"bf16, our own", Backend::direct, DType::bf16, Kernel::direct, bf16},
           Row{"f64", Backend::automatic, DType::f64, Kernel::direct, {"reference"}},
       }) {
    CAPTURE(std::string(row.name));
    set_backend(row.backend);
    prefer(row.preferred);
    const Kernels kernels;
    conv2d(cast(x, row.dtype), cast(weight, row.dtype));
    REQUIRE(kernels.names().size() == 1);
    CHECK(std::ranges::count(row.kernels, kernels.names()[0]) == 1);
  }
  set_backend(Backend::automatic);
  prefer(std::nullopt);
}

// ops/onednn/faults.cpp lists this gradient for some instruction sets.
TEST_CASE("what oneDNN refuses is computed by the next kernel, not by the reference") {
  Tensor x = random({2, 8, 8, 4}), weight = random({16, 1, 1, 4});
  weight.set_requires_grad(true);
  const auto fallbacks = reference_fallbacks();
  prefer(Kernel::onednn);
  const Kernels kernels;
  backward(sum(conv2d(x, weight, {}, {.stride = 2})));
  prefer(std::nullopt);
  CHECK(kernels.names().size() == 2);
  CHECK(std::ranges::count(kernels.names(), "reference") == 0);
  CHECK(reference_fallbacks() == fallbacks);
}

TEST_CASE("neither the batch nor the number of threads changes the kernel") {
  const int before = num_threads();
  const Tensor weight = random({32, 3, 3, 32});
  std::vector<std::string> first;
  for (const int threads : {1, 2, 3})
    for (const std::int64_t batch : {1, 2, 16}) {
      set_num_threads(threads);
      const Kernels kernels;
      conv2d(random({batch, 14, 14, 32}), weight, {}, {.padding = 1});
      if (first.empty()) first = kernels.names();
      CHECK(kernels.names() == first);
    }
  set_num_threads(before);
}

TEST_CASE("every row of the table has a speed and a class that it is found by") {
  for (const Measured& row : measured()) {
    CAPTURE(row.side);
    CHECK(*std::ranges::max_element(row.speeds) > 0);
    const Extents extents{row.kernel,   row.stride,  row.side * row.side,
                          row.channels, row.filters, row.groups};
    const auto order = ranked(measured(), row.set, row.direction, extents);
    CHECK(row.speeds[static_cast<std::size_t>(order[0])] == *std::ranges::max_element(row.speeds));
  }
}

TEST_CASE("each kernel and the one that timing chooses compute what the reference does") {
  const Step step;
  set_backend(Backend::reference);
  const Tensors expected = step.results();
  set_backend(Backend::automatic);
  for (std::size_t i = 0; i < kKernels; ++i) {
    CAPTURE(i);
    prefer(static_cast<Kernel>(i));
    check_near(step.results(), expected);
  }
  prefer(std::nullopt);
  set_autotune(true);
  check_near(step.results(), expected);  // times
  check_near(step.results(), expected);
  set_autotune(false);
}

TEST_CASE("timing chooses once per convolution") {
  const TemporaryFolder folder;
  const fs::path file = folder.path() / "kernels.json";
  const Step step;
  set_autotune(true);
  const Tensors first = step.results();
  export_tuning(file, Device::cpu());
  const nlohmann::ordered_json chosen = choices_in(file);
  const Tensors second = step.results();
  export_tuning(file, Device::cpu());
  set_autotune(false);
  CHECK(choices_in(file) == chosen);
  for (std::size_t i = 0; i < first.size(); ++i)
    CHECK(second[i].to_vector() == first[i].to_vector());
  if (!has_fast_path()) return;  // with one kernel there is nothing to choose
  const std::string shape =
      " x [2,9,8,32] weight [32,3,3,32] stride 1,1 padding 1,1,1,1 dilation 1,1 "
      "groups 1 f32";
  const std::string threads = format(" threads ", num_threads());
  for (const std::string& convolution :
       {"forward" + shape + " bias" + threads, "backward_input" + shape + threads,
        "backward_input" + shape + " residual" + threads, "backward_weight" + shape + threads,
        "forward" + shape + " bias residual relu without gradients" + threads}) {
    CAPTURE(convolution);
    CHECK(chosen["kernels"].contains(convolution));
  }
}

TEST_CASE("choices that are read are taken, whatever was measured") {
  if (!has_fast_path()) return;
  const TemporaryFolder folder;
  const fs::path file = folder.path() / "kernels.json";
  const Tensor x = random({1, 5, 7, 24}), weight = random({24, 1, 1, 24});
  set_autotune(true);
  conv2d(x, weight);
  export_tuning(file, Device::cpu());
  nlohmann::ordered_json choices = choices_in(file);
  const std::string convolution = format(
      "forward x [1,5,7,24] weight [24,1,1,24] stride 1,1 padding 0,0,0,0 dilation 1,1 groups 1 "
      "f32 threads ",
      num_threads());
  REQUIRE(choices["kernels"].contains(convolution));
  for (const std::string kernel : {"direct", "onednn"}) {
    choices["kernels"] = {{convolution, kernel}};
    write_json(file, choices);
    CHECK(import_tuning(file, Device::cpu()) == 1);
    const Kernels kernels;
    conv2d(x, weight);
    CHECK(kernels.names() == std::vector<std::string>{kernel});
  }
  set_autotune(false);
}

TEST_CASE("a file of choices that is damaged is refused, and one of another machine ignored") {
  const TemporaryFolder folder;
  const fs::path file = folder.path() / "kernels.json";
  export_tuning(file, Device::cpu());
  nlohmann::ordered_json good = choices_in(file);
  good["kernels"] = {{"a", "direct"}, {"b", "direct"}};
  const auto with = [&](const char* name, const nlohmann::ordered_json& value) {
    nlohmann::ordered_json changed = good;
    changed[name] = value;
    return changed.dump();
  };
  const auto without = [&](const char* name) {
    nlohmann::ordered_json changed = good;
    changed.erase(name);
    return changed.dump();
  };
  struct Row {
    const char* name;
    std::string text;
    std::size_t choices;
    const char* message;  // empty: not refused
  };
  for (const Row& row : {
           Row{"the file", good.dump(), 2, ""},
           Row{"another processor", with("processor", "another"), 0, ""},
           Row{"another instruction set", with("instruction_set", "another"), 0, ""},
           Row{"another oneDNN", with("onednn", "1.0"), 0, ""},
           Row{"no JSON", "damaged", 0, "JSON"},
           Row{"no object", "[1]", 0, "no stored kernels (no \"format\")"},
           Row{"no format", without("format"), 0, "no stored kernels (no \"format\")"},
           Row{"another format", with("format", "osteon kernels 0"), 0,
               "stored kernels of another format: \"osteon kernels 0\""},
           Row{"no processor", without("processor"), 0, "no stored kernels (no \"processor\")"},
           Row{"no kernels", without("kernels"), 0, "no stored kernels (no \"kernels\")"},
           Row{"kernels of another type", with("kernels", 3), 0, "\"kernels\" is damaged"},
           Row{"an unknown kernel", with("kernels", {{"a", "swift"}}), 0,
               "the kernel of a is damaged: \"swift\""},
           Row{"a kernel that is no name", with("kernels", {{"a", 1}}), 0,
               "the kernel of a is damaged: 1"},
       }) {
    CAPTURE(std::string(row.name));
    std::ofstream(file) << row.text;
    std::size_t choices = 0;
    const std::string message = message_of([&] { choices = import_tuning(file, Device::cpu()); });
    CAPTURE(message);
    CHECK(choices == row.choices);
    CHECK(contains(message, row.message));
    CHECK(message.empty() == (*row.message == 0));
    if (!message.empty()) CHECK(contains(message, file.string()));
  }
}
