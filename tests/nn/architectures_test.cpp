// Every model of the list equals its origin, torchvision's or timm's, in parameters, names, shapes
// and arithmetic; the list's own figures are true.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include "base/random.h"
#include "base/text.h"
#include "nn/describe.h"
#include "nn/init.h"
#include "nn/models.h"
#include "nn/state_dict.h"
#include "ops/ops.h"
#include "tests/support/message_of.h"

using namespace osteon;

namespace {

struct Row {
  std::string arch;
  std::int64_t parameters;
  std::int64_t flops;  // of an image of 224 x 224 pixels, 1,000 classes
  std::size_t tensors;
  std::uint64_t hash;  // hash_name of all "name [shape]\n", sorted by name
};

// scripts/check_torchvision.py prints them.
const Row kRows[] = {
    {"resnet18", 11689512, 3628146688, 122, 0xd9d268b4a177978e},
    {"resnet34", 21797672, 7327522816, 218, 0x23d97ce94b97beb8},
    {"resnet50", 25557032, 8178368512, 320, 0x27ea8e2cb00daa6c},
    {"resnet101", 44549160, 15602810880, 626, 0xa3193f1c9a5127dd},
    {"resnet152", 60192808, 23027253248, 932, 0x6a060bad353766cc},
    {"resnext50_32x4d", 25028904, 8460959744, 320, 0x912ebf1e70331975},
    {"densenet121", 7978856, 5668323328, 727, 0x0e2721d756ee13dc},
    {"densenet169", 14149480, 6719686656, 1015, 0x486589d076914f3c},
    {"densenet201", 20013928, 8582731776, 1207, 0xd37540b8b419d144},
    {"densenet161", 28681000, 15455814144, 967, 0x17f1d860d637c92d},
    {"mobilenet_v2", 3504872, 601548544, 314, 0x774570c0bcf5849b},
    {"efficientnet_b0", 5288548, 771629504, 360, 0x7ed86cbe7d262a25},
    {"efficientnet_lite0", 4652008, 770375104, 296, 0x5653c422ba106bee},
    {"convnext_tiny", 28589128, 8911062528, 182, 0x8fd9f76dddd222bd},
    {"vit_b_16", 86567656, 35127656448, 152, 0x51baba89d28b8dca},
    {"vit_tiny_patch16_224", 5717416, 2507366400, 152, 0x09c16a2d7c211c8d},
    {"vit_small_patch16_224", 22050664, 9197764608, 152, 0x375f2ad1a04c8698},
    {"vit_small_r26_s32_224", 36431912, 6927702016, 239, 0x79cf01126373af67},
};

std::string sorted_shapes(const NamedTensorList& state) {
  std::map<std::string, Shape> shapes;
  for (const auto& [name, tensor] : state) shapes[name] = to_file_layout(tensor).shape();
  std::string text;
  for (const auto& [name, shape] : shapes) text += format(name, " ", shape, "\n");
  return text;
}

}  // namespace

TEST_CASE("parameters, names, shapes and arithmetic are the origin's") {
  std::vector<std::string> archs;
  for (const Row& row : kRows) {
    CAPTURE(row.arch);
    archs.push_back(row.arch);
    const auto model = make_model(row.arch, {.num_classes = 1000});
    const NamedTensorList state = model->named_state();
    CHECK(model->parameter_count() == row.parameters);
    CHECK(state.size() == row.tensors);
    CHECK(hash_name(sorted_shapes(state)) == row.hash);
    const ModelSummary summary = describe(*model, {1, 224, 224, 3});
    CHECK(summary.flops == row.flops);
    CHECK(summary.parameters == row.parameters);
  }
  CHECK(archs == model_names());
}

TEST_CASE("the list has the figures of the models") {
  for (const Row& row : kRows) {
    CAPTURE(row.arch);
    const Architecture& entry = find_architecture(row.arch);
    CHECK(entry.million_parameters == std::round(static_cast<double>(row.parameters) / 1e4) / 100);
    CHECK(entry.gmacs == std::round(static_cast<double>(row.flops) / 2e7) / 100);
    CHECK(contains(model_list(), format(row.arch, " (", entry.million_parameters, " M parameters, ",
                                        entry.gmacs, " GMACs)")));
  }
}

TEST_CASE("the table has one line per model, in columns") {
  std::istringstream table(model_table());
  std::vector<std::string> lines;
  for (std::string line; std::getline(table, line);) lines.push_back(line);
  const std::vector<std::string> names = model_names();
  REQUIRE(lines.size() == names.size());
  CHECK(lines.front() == "ResNet              resnet18                11.69 M   1.81 GMACs");
  CHECK(lines[1] == "                    resnet34                21.80 M   3.66 GMACs");
  CHECK(lines.back() == "                    vit_small_r26_s32_224   36.43 M   3.46 GMACs");
  for (std::size_t i = 0; i < lines.size(); ++i) {
    CAPTURE(lines[i]);
    CHECK(contains(lines[i], " " + names[i] + " "));
    CHECK(lines[i].size() == lines.front().size());
  }
}

TEST_CASE("tensors tell their family") {
  for (const std::string& arch : model_names()) {
    CAPTURE(arch);
    const auto model = make_model(arch, {.width = 8});
    std::vector<std::string> names;
    for (const auto& [name, tensor] : model->named_state()) names.push_back("module." + name);
    const std::vector<std::string_view> views(names.begin(), names.end());
    CHECK(family_of_tensors(views) == find_architecture(arch).family);
  }
  CHECK(family_of_tensors({}).empty());
}

// Observed modules run one by one. Otherwise evaluation folds batch norms into convolutions, and a
// dense block is one op; f64 is never folded.
TEST_CASE("fused passes agree with the layers one by one") {
  struct Row {
    DType dtype;
    bool is_training;
    double tolerance;
  };
  for (const std::string& arch : model_names())
    for (const Row& row : {Row{DType::f32, false, 1e-4}, Row{DType::f64, true, 1e-10}}) {
      CAPTURE(arch);
      CAPTURE(format(row.dtype));
      const auto model = make_model(arch, {.num_classes = 3, .width = 8, .seed = 1});
      for (const Tensor& parameter : model->parameters())  // some start at 0
        if (amax(parameter * parameter).item() == 0)
          normal_(parameter, 0.1, {.seed = 2, .stream = 0});
      model->to(row.dtype);
      const Tensor images({2, 64, 64, 3}, row.dtype);
      uniform_(images, 1, {.seed = 3, .stream = 0});
      const NoGrad no_grad;
      set_randomness(*model, 4, 0);
      (*model)(images);  // fills the running statistics
      model->train(row.is_training);
      const Tensor fused = (*model)(images);
      const ObserveModules one_by_one([](const ModuleEvent&) {});
      const Tensor difference = (*model)(images)-fused;
      CHECK(amax(difference * difference).item() <=
            row.tolerance * row.tolerance * amax(fused * fused).item());
    }
}

TEST_CASE("images of a size that a transformer cannot take are refused") {
  for (const auto& [arch, multiple] :
       {std::pair{"vit_tiny_patch16_224", "16"}, std::pair{"vit_small_r26_s32_224", "32"}}) {
    CAPTURE(std::string(arch));
    const auto model = make_model(arch, {.width = 8});
    CHECK(contains(message_of([&] {
                     (*model)(zeros({1, 224, 230, 3}));
                   }),
                   format("images [1,224,230,3]; their sides must be multiples of ", multiple)));
  }
}
