// ResNets, and what all models share: descriptions, gradients, files.
#include <doctest/doctest.h>

#include <cmath>
#include <functional>
#include <map>
#include <set>
#include <string>

#include "base/text.h"
#include "nn/describe.h"
#include "nn/models.h"
#include "nn/state_dict.h"
#include "ops/ops.h"
#include "tests/support/gradient_check.h"
#include "tests/support/hashed.h"
#include "tests/support/message_of.h"
#include "tests/support/temporary_folder.h"

using namespace osteon;

namespace {

// A model that is small enough for tests, with all widths divided by 16.
std::unique_ptr<Module> narrow(const std::string& arch, std::int64_t num_classes = 1,
                               std::uint64_t seed = 0) {
  return make_model(arch, {.num_classes = num_classes, .width = 4, .seed = seed});
}

std::map<std::string, std::vector<double>> elements_of(const Module& model) {
  std::map<std::string, std::vector<double>> elements;
  for (const auto& [name, tensor] : model.named_state()) elements[name] = tensor.to_vector();
  return elements;
}

Tensor& tensor_of(NamedTensors& state, const std::string& wanted) {
  for (auto& [name, tensor] : state.tensors)
    if (name == wanted) return tensor;
  throw Error("no tensor " + wanted);
}

void remove(NamedTensors& state, const std::function<bool(const std::string&)>& doomed) {
  std::erase_if(state.tensors, [&](const auto& entry) { return doomed(entry.first); });
}

}  // namespace

TEST_CASE("the description names the layers in their order") {
  struct Row {
    std::string arch;
    std::size_t rows;
  };
  for (const auto& [arch, layers] : {Row{"resnet18", 43}, Row{"resnet50", 109}}) {
    const auto model = make_model(arch, {.num_classes = 1000});
    const ModelSummary summary = describe(*model, {1, 224, 224, 3});
    CHECK(summary.layers.size() == layers);
    CHECK(summary.layers[0].name == "conv1");
    CHECK(summary.layers[0].output == Shape{1, 112, 112, 64});
    CHECK(summary.layers[2].name == "maxpool");
    CHECK(summary.layers[2].output == Shape{1, 56, 56, 64});
    CHECK(summary.layers.back().name == "fc");
    CHECK(summary.layers.back().output == Shape{1, 1000});
  }
}

TEST_CASE("a narrow network passes the gradient check") {
  for (const char* arch : {"resnet18", "resnet50"}) {
    const auto model = narrow(arch, 2);
    model->to(DType::f64);
    const HashedSequence draws("images");
    std::vector<double> pixels(2 * 40 * 40 * 3);
    for (std::size_t i = 0; i < pixels.size(); ++i) pixels[i] = draws.coarse(i);
    const Tensor images = from_vector(pixels, {2, 40, 40, 3}, DType::f64);
    const auto forward = [&] { return (*model)(images); };
    CHECK(forward().shape() == Shape{2, 2});
    const std::vector<double> errors =
        gradient_errors(forward, model->parameters(), {.step = 1e-7, .samples = 1});
    const NamedTensorList parameters = model->named_parameters();
    for (std::size_t i = 0; i < errors.size(); ++i) {
      CAPTURE(parameters[i].first);
      CHECK(errors[i] <= 1e-6);
    }
  }
}

TEST_CASE("the last gamma of each block starts at zero on request only") {
  struct Row {
    std::string arch;
    std::string last;
    std::int64_t blocks;
  };
  for (const auto& [arch, last, blocks] : {Row{"resnet18", "bn2", 8}, Row{"resnet50", "bn3", 16}})
    for (const bool requested : {false, true}) {
      const auto model = make_model(arch, {.width = 4, .zero_init_residual = requested});
      std::int64_t zeroed = 0;
      for (const auto& [name, parameter] : model->named_parameters()) {
        if (parameter.rank() != 1 || !name.ends_with(".weight")) continue;
        const double expected = requested && contains(name, format(".", last, ".")) ? 0 : 1;
        for (const double gamma : parameter.to_vector()) CHECK(gamma == expected);
        zeroed += expected == 0;
      }
      CHECK(zeroed == (requested ? blocks : 0));
    }
}

TEST_CASE("a model survives a file") {
  const TemporaryFolder folder;
  const auto model = narrow("resnet50", 3, 1), other = narrow("resnet50", 3, 2);
  (*model)(full({2, 32, 32, 3}, 0.5));  // changes the buffers
  CHECK(elements_of(*model) != elements_of(*other));
  write_safetensors(folder.path() / "model.safetensors", state_dict(*model));
  const auto left = load_state_dict(*other, read_safetensors(folder.path() / "model.safetensors"));
  CHECK(left.empty());
  CHECK(elements_of(*model) == elements_of(*other));
  for (const Tensor& parameter : other->parameters()) CHECK(parameter.requires_grad());
}

TEST_CASE("files hold f32 and filters with channels before rows") {
  const auto model = narrow("resnet18");
  model->to(DType::f64);
  NamedTensors state = state_dict(*model);
  const Tensor ours = model->named_parameters()[0].second;  // conv1.weight
  const Tensor theirs = tensor_of(state, "conv1.weight");
  CHECK(theirs.shape() == Shape{4, 3, 7, 7});
  CHECK(theirs.dtype() == DType::f32);
  CHECK(tensor_of(state, "bn1.num_batches_tracked").dtype() == DType::i64);
  const std::vector<double> krsc = ours.to_vector(), kcrs = theirs.to_vector();
  for (std::size_t k = 0; k < 4; ++k)
    for (std::size_t r = 0; r < 7; ++r)
      for (std::size_t s = 0; s < 7; ++s)
        for (std::size_t c = 0; c < 3; ++c)
          CHECK(kcrs[((k * 3 + c) * 7 + r) * 7 + s] == krsc[((k * 7 + r) * 7 + s) * 3 + c]);
  CHECK(from_file_layout(to_file_layout(ours)).to_vector() == krsc);
}

TEST_CASE("weights of another model are refused and change nothing") {
  const auto model = narrow("resnet18");
  const auto before = elements_of(*model);
  struct Row {
    std::function<void(NamedTensors&)> spoil;
    std::string message;
  };
  const Row rows[] = {
      {[](auto& s) { remove(s, [](const auto& name) { return name == "bn1.bias"; }); },
       "load_state_dict: the weights belong to another model; 1 missing: bn1.bias"},
      {[](auto& s) { s.tensors.emplace_back("extra", zeros({1})); }, "; 1 unexpected: extra"},
      {[](auto& s) {
         tensor_of(s, "conv1.weight") = zeros({4, 7, 7, 3});
       },
       "; 1 of another shape: conv1.weight is [4,7,7,3], expected [4,3,7,7]"},
      {[](auto& s) {
         tensor_of(s, "fc.weight") = zeros({1000, 32});
       },
       "; 1 of another shape: fc.weight is [1000,32], expected [1,32]"},
      {[](auto& s) { s = state_dict(*narrow("resnet34")); }, "; 96 unexpected: layer1.2.bn1.bias"},
      {[](auto& s) { s = {}; }, "; 102 missing: bn1.bias, bn1.running_mean"},
  };
  for (const Row& row : rows) {
    NamedTensors state = state_dict(*narrow("resnet18", 1, 5));
    row.spoil(state);
    CAPTURE(row.message);
    CHECK(contains(message_of([&] { load_state_dict(*model, state); }), row.message));
    CHECK(elements_of(*model) == before);
  }
}

TEST_CASE("a head of another shape is left as initialised, and only the head") {
  struct Row {
    std::string what;
    std::function<void(NamedTensors&)> change;
    bool head_left;
  };
  const Row rows[] = {
      {"same head", [](auto&) {}, false},
      {"more classes",
       [](auto& s) {
         tensor_of(s, "fc.weight") = zeros({1000, 32});
         tensor_of(s, "fc.bias") = zeros({1000});
       },
       true},
      {"no head", [](auto& s) { remove(s, [](auto& n) { return n.starts_with("fc."); }); }, true},
      {"no bias", [](auto& s) { remove(s, [](auto& n) { return n == "fc.bias"; }); }, true},
      {"another head",
       [](auto& s) {
         remove(s, [](auto& n) { return n == "fc.weight"; });
         s.tensors.emplace_back("fc.1.weight", zeros({1}));
       },
       true},
  };
  const auto source = narrow("resnet18", 1, 5);
  for (const Row& row : rows) {
    CAPTURE(row.what);
    const auto model = narrow("resnet18");
    const auto before = elements_of(*model), given = elements_of(*source);
    NamedTensors state = state_dict(*source);
    row.change(state);
    const std::vector<std::string> left = load_state_dict(*model, state, "fc");
    CHECK(left == (row.head_left ? std::vector<std::string>{"fc.weight", "fc.bias"}
                                 : std::vector<std::string>{}));
    for (const auto& [name, elements] : elements_of(*model))
      CHECK(elements == (row.head_left && name.starts_with("fc.") ? before : given).at(name));
  }
  const auto model = narrow("resnet18");
  NamedTensors state = state_dict(*source);
  tensor_of(state, "conv1.weight") = zeros({1});
  CHECK(contains(message_of([&] { load_state_dict(*model, state, "fc"); }), "conv1.weight"));
}

TEST_CASE("old files have no batch counters") {
  const auto model = narrow("resnet18"), source = narrow("resnet18", 1, 5);
  (*model)(full({2, 32, 32, 3}, 0.5));
  NamedTensors state = state_dict(*source);
  remove(state, [](const auto& name) { return name.ends_with("num_batches_tracked"); });
  load_state_dict(*model, state);
  CHECK(elements_of(*model) == elements_of(*source));
}
