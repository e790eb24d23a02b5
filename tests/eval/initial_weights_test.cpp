// Initial weights as PyTorch's programs store them: which tensors of a file are taken, and which
// files are refused. scripts/golden/pth.py writes the .pth files.
#include "eval/initial_weights.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <map>

#include "nn/name_match.h"
#include "nn/state_dict.h"
#include "tests/support/message_of.h"
#include "tests/support/plain_model.h"
#include "tests/support/temporary_folder.h"

using namespace osteon;

namespace {

namespace fs = std::filesystem;

fs::path golden(const std::string& name) {
  return fs::path(OSTEON_TEST_DATA) / "pth" / (name + ".pth");
}

ModelInfo plain_info() {
  register_plain_model();
  ModelInfo info;
  info.arch = "plain";
  info.width = 2;
  return info;
}

std::unique_ptr<Module> plain_model() {
  register_plain_model();
  return make_model("plain", {.num_classes = 2, .width = 2, .seed = 1});
}

// Whether element i of each tensor is i / 4 - 1, as in the script, except the names in `others`.
bool has_golden_values(const Module& model, const std::vector<std::string>& others) {
  for (const auto& [name, tensor] : state_dict(model).tensors) {
    if (std::ranges::count(others, name) > 0) continue;
    const std::vector<double> values = tensor.to_vector();
    for (std::size_t i = 0; i < values.size(); ++i)
      if (values[i] != static_cast<double>(i) / 4 - 1) return false;
  }
  return true;
}

// The weights of a plain model under `prefix`.
void add(NamedTensors& file, const std::string& prefix, bool with_head = true) {
  for (const auto& [name, tensor] : state_dict(*plain_model()).tensors)
    if (with_head || !name.starts_with("classifier"))
      file.tensors.emplace_back(prefix + name, tensor);
}

}  // namespace

TEST_CASE("the weights are found by their names, wherever a file of PyTorch has them") {
  struct Row {
    const char* name;
    const char* summary;  // after the file's name
    bool has_head = true;
  };
  const char* const all = ": 10 tensors";
  const char* const module = " (names after 'module.'): 10 tensors";
  const Row rows[] = {
      {"protocol2", all},
      {"protocol3", all},
      {"protocol4", all},
      {"protocol5", all},
      {"legacy2", all},
      {"legacy3", all},
      {"legacy4", all},
      {"legacy5", all},
      {"python2", all},
      {"parameters", all},
      {"half", all},
      {"double", all},
      {"beside2", " (state dict 'model_state_dict'): 10 tensors"},
      {"beside4", " (state dict 'model_state_dict'): 10 tensors"},
      {"tuple", " (state dict '[1]'): 10 tensors"},
      {"parallel", module},
      {"compiled", " (names after '_orig_mod.'): 10 tensors"},
      {"compiled_parallel", " (names after '_orig_mod.module.'): 10 tensors"},
      {"parallel_compiled", " (names after 'module._orig_mod.'): 10 tensors"},
      {"member", " (state dict 'net', names after 'model.backbone.'): 10 tensors"},
      {"lightning",
       " (state dict 'state_dict', names after 'model.'): 10 tensors; not taken: 1 other tensor"},
      {"averaged", " (state dict 'state_dict'): 10 tensors; not taken: 'state_dict_ema'"},
      {"member_ema", " (names after 'model.'): 10 tensors; not taken: 'model_ema'"},
      {"swa", " (names after 'module.'): 10 tensors; not taken: 1 other tensor"},
      {"no_counter", ": 9 tensors"},
      {"no_head",
       ": 8 tensors; classifier.weight, classifier.bias start from random values (missing)", false},
      {"other_head",
       ": 8 tensors; classifier.weight, classifier.bias start from random values (another shape)",
       false}};
  for (const Row& row : rows) {
    CAPTURE(row.name);
    const fs::path file = golden(std::string("init_") + row.name);
    const auto model = plain_model();
    const InitialWeights initial = initialise_from(*model, plain_info(), file);
    CHECK(initial.summary == "initial weights: " + file.string() + row.summary);
    const std::vector<std::string> head{"classifier.weight", "classifier.bias"};
    CHECK(initial.left_as_initialised == (row.has_head ? std::vector<std::string>{} : head));
    std::vector<std::string> others = initial.left_as_initialised;
    if (row.name == std::string("no_counter")) others.push_back("features.4.num_batches_tracked");
    CHECK(has_golden_values(*model, others));
    CHECK(initial.info.mean == plain_architecture().mean);
  }
}

TEST_CASE("weights that cannot be a start are refused by name") {
  struct Row {
    const char* name;
    const char* message;
  };
  const Row rows[] = {
      {"init_twice", "contains weights of this model more than once ('student', 'teacher'); save"},
      {"init_nan", "features.3.weight has the value nan at element 5;"},
      {"init_infinity", "features.3.weight has the value inf at element 5;"},
      {"init_double", "features.3.weight has the value inf at element 5;"},
      {"init_other",
       "(names after 'module.'): load_state_dict: the weights belong to another model; "
       "1 unexpected: attention.weight"},
      {"init_wide", "7 of another shape: "},
      {"model", "torch.nn.modules.linear Linear"},
      {"list", "no dictionary of tensors"}};
  for (const Row& row : rows) {
    const fs::path file = golden(std::string("refused_") + row.name);
    const auto model = plain_model();
    const std::string message = message_of([&] { initialise_from(*model, plain_info(), file); });
    CAPTURE(row.name);
    CAPTURE(message);
    CHECK(contains(message, file.string()));
    CHECK(contains(message, row.message));
  }
  const auto model = plain_model();
  const std::string other =
      message_of([&] { initialise_from(*model, plain_info(), golden("checkpoint")); });
  CHECK(
      contains(other, "(state dict 'state_dict'): load_state_dict: the weights belong to another"));
  CHECK(contains(other, "0.weight"));
}

TEST_CASE("a safetensors file may have a text before its names, too") {
  const TemporaryFolder folder;
  const fs::path path = folder.path() / "weights.safetensors";
  struct Row {
    std::vector<std::string> prefixes;
    const char* taken;  // empty: refused
  };
  const Row rows[] = {{{""}, ": 10 tensors"},
                      {{"module."}, " (names after 'module.')"},
                      {{"a.b.c.d."}, " (names after 'a.b.c.d.')"},
                      {{"", "ema."}, ": 10 tensors; not taken: 'ema'"},
                      {{"net.", "net_best."}, " (names after 'net.'): 10 tensors; not taken"},
                      {{"averaged_model.", "model."}, " (names after 'model.')"},
                      {{"ema."}, " (names after 'ema.')"},
                      {{"ema.", "net."}, " (names after 'net.'): 10 tensors; not taken: 'ema'"},
                      {{"first.", "second."}, ""},
                      {{"module"}, ""}};
  for (const Row& row : rows) {
    NamedTensors file;
    for (const std::string& prefix : row.prefixes) add(file, prefix);
    write_safetensors(path, file);
    const auto model = plain_model();
    CAPTURE(row.taken);
    if (*row.taken == 0)
      CHECK(message_of([&] { initialise_from(*model, plain_info(), path); }) != "");
    else
      CHECK(contains(initialise_from(*model, plain_info(), path).summary, row.taken));
  }
}

TEST_CASE("weights under the names of another origin are read, with and without their head") {
  const TemporaryFolder folder;
  const fs::path path = folder.path() / "other.safetensors";
  struct Row {
    const char* arch;
    std::size_t renamed;  // layers
    const char* prefix;
    bool has_head;
  };
  const Row rows[] = {{"densenet121", 58 * 4, "", true},
                      {"densenet121", 58 * 4, "module.", true},
                      {"mobilenet_v2", 4 + 16 * 6, "", false},
                      {"mobilenet_v2", 4 + 16 * 6, "module.", true},
                      {"efficientnet_lite0", 4 + 4 + 15 * 6 + 1, "", true},
                      {"efficientnet_lite0", 4 + 4 + 15 * 6 + 1, "model.", false}};
  for (const Row& row : rows) {
    CAPTURE(row.arch);
    CAPTURE(row.prefix);
    const Architecture& architecture = find_architecture(row.arch);
    const LayerNames& layers = architecture.other_names.at(0);
    CHECK(layers.size() == row.renamed);
    const auto source = make_model(row.arch, {.num_classes = 2, .width = 4, .seed = 5});
    NamedTensors file;
    for (const auto& [name, tensor] : state_dict(*source).tensors) {
      if (!row.has_head && is_below(name, architecture.head)) continue;
      const auto layer = std::ranges::find_if(
          layers, [&](const auto& entry) { return is_below(name, entry.second); });
      const std::string there =
          layer == layers.end() ? name : layer->first + name.substr(layer->second.size());
      file.tensors.emplace_back(row.prefix + there, tensor);
    }
    write_safetensors(path, file);
    const auto model = make_model(row.arch, {.num_classes = 2, .width = 4, .seed = 1});
    ModelInfo info;
    info.arch = row.arch;
    info.width = 4;
    CHECK(initialise_from(*model, info, path).left_as_initialised.empty() == row.has_head);
    const NamedTensorList loaded = model->named_state(), given = source->named_state();
    for (std::size_t i = 0; i < given.size(); ++i) {
      CAPTURE(given[i].first);
      if (row.has_head || !is_below(given[i].first, architecture.head))
        CHECK(loaded[i].second.to_vector() == given[i].second.to_vector());
    }
  }
}

TEST_CASE("the metadata of a file of weights: what is there, and what is refused") {
  register_plain_model();
  const TemporaryFolder folder;
  const fs::path path = folder.path() / "weights.safetensors";
  NamedTensors file;
  add(file, "");
  const WeightsInfo info{.arch = "plain",
                         .width = 2,
                         .mean = {0.1, 0.2, 0.3},
                         .std = {1, 2, 3},
                         .source = "a page",
                         .licence = "MIT",
                         .trained_on = std::vector<std::uint64_t>{1, 2}};
  file.metadata = to_metadata(info);
  write_safetensors(path, file);
  const WeightsInfo read = initialise_from(*plain_model(), plain_info(), path).info;
  CHECK(read.mean == info.mean);
  CHECK(read.std == info.std);
  CHECK(read.source == info.source);
  CHECK(read.licence == info.licence);
  CHECK(read.trained_on == info.trained_on);
  struct Row {
    const char* key;
    const char* value;  // null: missing
    const char* message;
  };
  const Row rows[] = {{"arch", "resnet18", "contains weights of resnet18"},
                      {"width", "4", "contains weights of width 4"},
                      {"mean", nullptr, "no 'mean'"},
                      {"std", "[1,2]", "3 numbers"},
                      {"trained_on", "12", "not a multiple of 16"}};
  for (const Row& row : rows) {
    CAPTURE(row.key);
    file.metadata = to_metadata(info);
    file.metadata.erase(row.key);
    if (row.value) file.metadata[row.key] = row.value;
    write_safetensors(path, file);
    CHECK(contains(message_of([&] { initialise_from(*plain_model(), plain_info(), path); }),
                   row.message));
  }
}

TEST_CASE("weights of another family are refused with its name") {
  const TemporaryFolder folder;
  const fs::path path = folder.path() / "other.safetensors";
  const auto model = make_model("resnet18", {.width = 4});
  ModelInfo info;
  info.arch = "resnet18";
  info.width = 4;
  for (const auto& [arch, message] :
       {std::pair{"mobilenet_v2", "; they seem to be of the family MobileNet"},
        std::pair{"vit_tiny_patch16_224", "; they seem to be of the family Vision transformer"}}) {
    CAPTURE(std::string(arch));
    write_safetensors(path, state_dict(*make_model(arch, {.width = 4})));
    CHECK(message_of([&] { initialise_from(*model, info, path); }).ends_with(message));
  }
  write_safetensors(path, state_dict(*make_model("resnet34", {.width = 4})));
  CHECK(message_of([&] { initialise_from(*model, info, path); }).find("seem") == std::string::npos);
}

TEST_CASE("names are compared with those of the module") {
  const auto model = plain_model();
  const auto names_of = [](const NamedTensors& file) {
    std::vector<std::string_view> names;
    for (const auto& [name, tensor] : file.tensors) names.push_back(name);
    return names;
  };
  NamedTensors file;
  add(file, "a.", false);
  file.tensors.emplace_back("b.features.0.weight", Tensor({1}, DType::f32));
  file.tensors.emplace_back("a.a.extra", Tensor({1}, DType::f32));
  const std::vector<NameMatch> matches = match_names(*model, names_of(file), "classifier");
  REQUIRE(matches.size() == 3);
  CHECK(matches[0].prefix == "");
  CHECK(matches[0].found == 0);
  CHECK(matches[1].prefix == "a.");
  CHECK(matches[1].found == 7);
  CHECK_FALSE(matches[1].is_complete);  // a.a.extra is not known
  CHECK(matches[2].prefix == "b.");
  CHECK(matches[2].found == 1);
}
