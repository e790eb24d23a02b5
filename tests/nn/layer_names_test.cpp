// Names of other origins' files: each row is a tensor of a published file and its name here.
#include "nn/layer_names.h"

#include <doctest/doctest.h>

#include <set>
#include <vector>

#include "nn/models.h"

using namespace osteon;

namespace {

const LayerNames& names_of(const char* arch) { return find_architecture(arch).other_names.at(0); }

}  // namespace

TEST_CASE("a tensor of a published file gets its name here") {
  struct Row {
    const char* arch;
    const char* there;
    const char* here;
  };
  const Row rows[] = {
      {"efficientnet_lite0", "_conv_stem.weight", "conv_stem.weight"},
      {"efficientnet_lite0", "_bn0.running_var", "bn1.running_var"},
      {"efficientnet_lite0", "_blocks.0._depthwise_conv.weight", "blocks.0.0.conv_dw.weight"},
      {"efficientnet_lite0", "_blocks.0._bn1.bias", "blocks.0.0.bn1.bias"},
      {"efficientnet_lite0", "_blocks.0._project_conv.weight", "blocks.0.0.conv_pw.weight"},
      {"efficientnet_lite0", "_blocks.0._bn2.weight", "blocks.0.0.bn2.weight"},
      {"efficientnet_lite0", "_blocks.1._expand_conv.weight", "blocks.1.0.conv_pw.weight"},
      {"efficientnet_lite0", "_blocks.2._bn0.weight", "blocks.1.1.bn1.weight"},
      {"efficientnet_lite0", "_blocks.14._bn1.running_mean", "blocks.5.3.bn2.running_mean"},
      {"efficientnet_lite0", "_blocks.15._project_conv.weight", "blocks.6.0.conv_pwl.weight"},
      {"efficientnet_lite0", "_blocks.15._bn2.num_batches_tracked",
       "blocks.6.0.bn3.num_batches_tracked"},
      {"efficientnet_lite0", "_bn1.weight", "bn2.weight"},
      {"efficientnet_lite0", "_fc.bias", "classifier.bias"},
      {"efficientnet_lite0", "module._blocks.3._bn1.bias", "module.blocks.2.0.bn2.bias"},
      {"mobilenet_v2", "features.0.0.weight", "features.0.0.weight"},
      {"mobilenet_v2", "features.1.conv.0.weight", "features.1.conv.0.0.weight"},
      {"mobilenet_v2", "features.1.conv.1.bias", "features.1.conv.0.1.bias"},
      {"mobilenet_v2", "features.1.conv.3.weight", "features.1.conv.1.weight"},
      {"mobilenet_v2", "features.1.conv.4.weight", "features.1.conv.2.weight"},
      {"mobilenet_v2", "features.2.conv.0.weight", "features.2.conv.0.0.weight"},
      {"mobilenet_v2", "features.2.conv.3.weight", "features.2.conv.1.0.weight"},
      {"mobilenet_v2", "features.17.conv.4.running_var", "features.17.conv.1.1.running_var"},
      {"mobilenet_v2", "features.17.conv.6.weight", "features.17.conv.2.weight"},
      {"mobilenet_v2", "features.17.conv.7.bias", "features.17.conv.3.bias"},
      {"mobilenet_v2", "features.18.1.bias", "features.18.1.bias"},
      {"densenet121", "features.denseblock1.denselayer1.norm.1.weight",
       "features.denseblock1.denselayer1.norm1.weight"},
      {"densenet121", "features.denseblock4.denselayer16.conv.2.weight",
       "features.denseblock4.denselayer16.conv2.weight"},
      {"densenet121", "features.norm5.weight", "features.norm5.weight"},
      {"densenet121", "weight", "weight"}};
  for (const Row& row : rows) {
    CAPTURE(row.there);
    CHECK(name_here(names_of(row.arch), row.there) == row.here);
  }
}

TEST_CASE("each layer of a table is one of the model's, and occurs once") {
  for (const std::string& arch : model_names())
    for (const LayerNames& layers : find_architecture(arch).other_names) {
      CAPTURE(arch);
      std::set<std::string> paths, here;
      const auto model = make_model(arch, {.width = 4});
      for (const auto& [path, module] : model->named_modules()) paths.insert(path);
      for (const auto& layer : layers) {
        CAPTURE(layer.first);
        CHECK(paths.contains(layer.second));
        CHECK(here.insert(layer.second).second);
      }
    }
}

TEST_CASE("a file is of another origin if it has all of its layers") {
  const LayerNames layers{{"a.0", "a.1"}, {"b", "c"}, {"last", "head"}};
  struct Row {
    std::vector<std::string_view> names;
    bool is_of_origin;
  };
  const Row rows[] = {{{"a.0.weight", "b.bias", "last.weight"}, true},
                      {{"a.0.weight", "b.bias"}, true},  // the head may be missing
                      {{"net.a.0.weight", "net.b.bias"}, true},
                      {{"a.0.weight", "b.bias", "other.weight"}, true},
                      {{"a.0.weight", "last.weight"}, false},
                      {{"a.1.weight", "c.bias", "head.weight"}, false},
                      {{"a.0", "b"}, false},  // no tensors of these layers
                      {{"xa.0.weight", "b.bias"}, false},
                      {{}, false}};
  for (const Row& row : rows) CHECK(has_names_of(layers, row.names, "head") == row.is_of_origin);
}
