// Families of models: one model of each, also of one that only register_model adds, is trained,
// saved, loaded, evaluated and explained by the same calls. tests/interop/onnx_test.cpp exports
// them, tests/cuda/cuda_training_test.cpp trains them on a device.
#include <doctest/doctest.h>

#include <cmath>

#include "base/json.h"
#include "base/text.h"
#include "eval/binary_task.h"
#include "eval/grad_cam.h"
#include "eval/initial_weights.h"
#include "nn/state_dict.h"
#include "tests/support/families.h"
#include "tests/support/message_of.h"
#include "tests/support/plain_model.h"
#include "tests/support/tiny_run.h"
#include "train/trainer.h"

using namespace osteon;

namespace fs = std::filesystem;

namespace {

std::vector<std::vector<double>> elements_of(const Module& model) {
  std::vector<std::vector<double>> elements;
  for (const auto& [name, tensor] : model.named_state()) elements.push_back(tensor.to_vector());
  return elements;
}

}  // namespace

TEST_CASE("a model of each family trains, is saved, loaded, evaluated and explained") {
  register_plain_model();
  const TemporaryFolder folder;
  write_tiny_data(folder.path() / "data");
  const Tensor images({2, kFamilyImageSize, kFamilyImageSize, 3}, DType::f32);
  uniform_(images, 1, {.seed = 1, .stream = 0});
  for (const std::string& arch : one_model_per_family()) {
    CAPTURE(arch);
    TrainOptions options = tiny_options(folder.path() / "data", folder.path() / arch);
    options.arch = arch;
    options.width = kFamilyWidth;
    options.image_size = kFamilyImageSize;
    options.epochs = 1;
    Trainer trainer(options);
    trainer.train();
    trainer.evaluate_best();
    const TrainedModel trained = load_model(options.out);
    CHECK(trained.info.arch == arch);
    CHECK(elements_of(*trained.model) !=
          elements_of(*make_model(arch, {.width = kFamilyWidth, .seed = options.seed})));
    for (const auto& [layer, stride] : find_architecture(arch).stages) {
      CAPTURE(layer);
      const std::vector<HeatMap> maps = grad_cam(*trained.model, images, layer, {0, 0});
      REQUIRE(maps.size() == 2);
      CHECK(maps[0].height == kFamilyImageSize / stride);
      CHECK(maps[0].width == kFamilyImageSize / stride);
    }
  }
}

TEST_CASE("a model of each design computes in bf16, with parameters in f32") {
  const Tensor images({2, kFamilyImageSize, kFamilyImageSize, 3}, DType::f32);
  uniform_(images, 1, {.seed = 1, .stream = 0});
  for (const std::string& arch : one_model_per_design()) {
    CAPTURE(arch);
    const auto model = make_model(arch, {.width = kFamilyWidth});
    set_randomness(*model, 1, 0);
    backward(sum((*model)(cast(images, DType::bf16))));
    for (const auto& [name, parameter] : model->named_parameters()) {
      CAPTURE(name);
      REQUIRE(parameter.grad().defined());
      CHECK(parameter.grad().dtype() == DType::f32);
      CHECK(std::isfinite(sum(parameter.grad()).item()));
    }
  }
}

TEST_CASE("a model of each family is as its entry says, and drawn from the seed") {
  register_plain_model();
  for (const std::string& arch : one_model_per_family()) {
    CAPTURE(arch);
    const Architecture& entry = find_architecture(arch);
    const auto model = make_model(arch, {.width = 4, .seed = 1});
    const auto more_classes = make_model(arch, {.num_classes = 5, .width = 4});
    const NamedTensorList state = model->named_state(), wider = more_classes->named_state();
    REQUIRE(state.size() == wider.size());
    for (std::size_t i = 0; i < state.size(); ++i) {
      CAPTURE(state[i].first);
      CHECK(state[i].first == wider[i].first);
      CHECK((state[i].second.shape() != wider[i].second.shape()) ==
            state[i].first.starts_with(entry.head + "."));
    }
    CHECK(elements_of(*model) == elements_of(*make_model(arch, {.width = 4, .seed = 1})));
    CHECK(elements_of(*model) != elements_of(*make_model(arch, {.width = 4, .seed = 2})));
    const ModelOptions zeroed{.width = 4, .zero_init_residual = true, .seed = 1};
    if (entry.has_residuals)
      CHECK(elements_of(*model) != elements_of(*make_model(arch, zeroed)));
    else
      CHECK(contains(message_of([&] { make_model(arch, zeroed); }),
                     arch + " does not have this choice"));
  }
}

TEST_CASE("stochastic depth has the rate that is asked for, where a model has a choice") {
  const auto outputs = [](const std::string& arch, double drop_path, std::int64_t step) {
    const auto model = make_model(arch, {.width = 4, .drop_path = drop_path, .seed = 1});
    set_randomness(*model, 1, step);
    const NoGrad no_grad;
    Tensor images({8, 64, 64, 3}, DType::f32);
    uniform_(images, 1, {.seed = 1, .stream = 0});
    return (*model)(images).to_vector();
  };
  for (const std::string& arch : model_names()) {
    CAPTURE(arch);
    if (!find_architecture(arch).has_drop_path)
      CHECK(contains(message_of([&] { make_model(arch, {.width = 4, .drop_path = 0}); }),
                     arch + " does not have this choice"));
  }
  // Apart from stochastic depth nothing is random in their training.
  for (const std::string arch :
       {"efficientnet_lite0", "convnext_tiny", "vit_tiny_patch16_224", "vit_small_r26_s32_224"}) {
    CAPTURE(arch);
    CHECK(outputs(arch, 0, 1) == outputs(arch, 0, 2));
    CHECK(outputs(arch, 0.9, 1) != outputs(arch, 0.9, 2));
    const bool has_own_rate = arch == "convnext_tiny";
    CHECK((outputs(arch, -1, 1) != outputs(arch, 0, 1)) == has_own_rate);
  }
}

TEST_CASE("a registered family trains, is saved, loaded, evaluated and explained") {
  register_plain_model();
  const TemporaryFolder folder;
  write_tiny_data(folder.path() / "data", 24);
  TrainOptions options = tiny_options(folder.path() / "data", folder.path() / "run");
  options.arch = "plain";
  options.image_size = 0;
  options.epochs = 4;
  options.lr = 0.01;
  Trainer trainer(options);
  trainer.train();
  const auto result = trainer.evaluate_best();
  const Evaluation& evaluation = dynamic_cast<const BinaryResult&>(*result).evaluation;
  CHECK(*evaluation.overall.image.auroc > 0.9);
  CHECK(read_json(options.out / "config.json", kMaxConfigBytes)["image_size"] == 24);

  TrainedModel trained = load_model(options.out);
  CHECK(trained.info.arch == "plain");
  CHECK(trained.info.width == options.width);
  CHECK(trained.info.image_size == 24);
  CHECK(trained.model->named_parameters().front().first == "features.0.weight");

  const Tensor images({2, 24, 24, 3}, DType::f32);
  uniform_(images, 1, {.seed = 1, .stream = 0});
  CHECK(grad_cam_layer(trained.info) == "features");
  const std::vector<HeatMap> maps =
      grad_cam(*trained.model, images, grad_cam_layer(trained.info), {0, 0});
  REQUIRE(maps.size() == 2);
  CHECK(maps[0].height == 6);
  trained.info.image_size = 12;  // 3 x 3 cells at its end
  CHECK(grad_cam_layer(trained.info) == "features.1");
  CHECK(contains(read_text(options.out / "report.html"), "features"));

  options.resume = true;
  options.image_size = 32;
  CHECK(contains(message_of([&] { Trainer again(options); }), "--image-size is 32 but the run in"));
}

TEST_CASE("initial weights of a registered family: its own head, its own mean and std") {
  register_plain_model();
  const TemporaryFolder folder;
  const fs::path path = folder.path() / "weights.safetensors";
  write_safetensors(path, state_dict(*make_model("plain", {.width = 4})));
  ModelInfo info;
  info.arch = "plain";
  info.width = 4;
  const auto model = make_model("plain", {.num_classes = 5, .width = 4});
  const InitialWeights initial = initialise_from(*model, info, path);
  CHECK(initial.left_as_initialised ==
        std::vector<std::string>{"classifier.weight", "classifier.bias"});
  CHECK(initial.info.mean == std::vector<double>{0.5, 0.4, 0.3});
  CHECK(initial.info.std == std::vector<double>{0.25, 0.25, 0.5});
}

TEST_CASE("incomplete registrations are refused") {
  register_plain_model();
  struct Row {
    std::function<void(Architecture&)> spoil;
    const char* message;
  };
  const Row rows[] = {
      {[](Architecture& a) { a.name = "resnet50"; }, "there is a \"resnet50\" already"},
      {[](Architecture& a) { a.name = "plain"; }, "there is a \"plain\" already"},
      {[](Architecture& a) { a.name = ""; }, "needs a name"},
      {[](Architecture& a) { a.make = nullptr; }, "a function that makes it"},
      {[](Architecture& a) { a.head = ""; }, "a head"},
      {[](Architecture& a) { a.stages.clear(); }, "no stage for Grad-CAM"},
      {[](Architecture& a) { a.stages[0].stride = 0; }, "features.1 has the stride 0"},
      {[](Architecture& a) { a.image_size = 0; }, "images of 0 pixels"},
      {[](Architecture& a) { a.mean = {0.5}; }, "1 means"}};
  const std::vector<std::string> known = model_names();
  CHECK(known.back() == "plain");
  for (const Row& row : rows) {
    Architecture line = plain_architecture();
    line.name = "another";
    row.spoil(line);
    const std::string message = message_of([&] { register_model(line); });
    CAPTURE(message);
    CHECK(contains(message, row.message));
    CHECK(model_names() == known);
  }
  const std::string message = message_of([] { make_model("vgg-less"); });
  CAPTURE(message);
  CHECK(contains(message, "unknown architecture \"vgg-less\"; known are " + model_list()));
}
