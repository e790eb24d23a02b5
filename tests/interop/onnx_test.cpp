// Exported files are valid ONNX, by the library's own checker, and contain the expected graph.
// scripts/check_onnx.py tests that other programs compute the same from them.
#include "interop/onnx.h"

#include <doctest/doctest.h>
#include <onnx/checker.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <functional>
#include <map>
#include <set>
#include <vector>

#include "nn/models.h"
#include "ops/ops.h"
#include "ops/schema.h"
#include "tensor/autograd.h"
#include "tests/support/families.h"
#include "tests/support/message_of.h"
#include "tests/support/plain_model.h"
#include "tests/support/temporary_folder.h"

using namespace osteon;

namespace {

constexpr std::int64_t kSize = 32;

std::unique_ptr<Module> small_model() { return make_model("resnet18", {.width = 4}); }

std::map<std::string, int> counts(const onnx::ModelProto& file) {
  std::map<std::string, int> counts;
  for (const onnx::NodeProto& node : file.graph().node()) ++counts[node.op_type()];
  return counts;
}

// A layer without a rule.
class Odd : public Module {
  Tensor forward(const Tensor& x) override { return amax(x, {1, 2}); }
};

// An op of a number and a tensor, with the number on either side.
class Numbers : public Module {
  Tensor forward(const Tensor& x) override { return 1.0 - global_avg_pool2d(x) * 2.5; }
};

// Every elementwise op, on images and on pooled numbers.
class EveryElementwise : public Module {
  Tensor forward(const Tensor& x) override {
    const Tensor y = pow(clamp(x - 0.5, -0.25, INFINITY), 3) / (relu(x) + 1.0);
    const Tensor chosen = where(lt(y, x), -y, where(ge(y, 0.01), x * y, sigmoid(x)));
    const Tensor mean = global_avg_pool2d(chosen), twice = mean * 2.0;
    return where(eq(mean, twice), mean,
                 where(ne(mean, 0.25), where(le(mean, twice), twice, mean),
                       where(gt(mean, 1.0), mean, twice)));
  }
};

// Every function of one operand, and those of two.
class EveryFunction : public Module {
  Tensor forward(const Tensor& x) override {
    const Tensor positive = abs(x) + 0.5;
    Tensor y = sqrt(positive) + rsqrt(positive) + log(positive) + log1p(positive);
    y = y + exp(x) + expm1(x) + sin(x) + cos(x) + erf(x) + sign(x);
    y = y + relu6(x) + leaky_relu(x, 0.125) + elu(x, 0.5) + tanh(x) + silu(x) + gelu(x);
    y = y + gelu(x, Approximate::tanh) + softplus(x, 2) + hardsigmoid(x) + hardswish(x);
    return global_avg_pool2d(maximum(minimum(y, square(x)), x));
  }
};

// A function that ONNX lacks.
class LowThreshold : public Module {
  Tensor forward(const Tensor& x) override { return softplus(x, 1, 2); }
};

// A batch norm without a layer.
class BareNorm : public Module {
  Tensor forward(const Tensor& x) override {
    const Tensor weight = full({3}, 2), bias = full({3}, 3), mean = full({3}, 5),
                 var = full({3}, 7);
    return global_avg_pool2d(
        batch_norm(x, weight, bias, mean, var, {.training = false, .epsilon = 0.25}));
  }
};

// One function of the images.
class Function : public Module {
 public:
  using Body = std::function<Tensor(const Tensor&)>;
  explicit Function(Body body) : body_(std::move(body)) {}

 private:
  Tensor forward(const Tensor& x) override { return body_(x); }
  Body body_;
};

// The pixels as rows, [N, H W, C].
Tensor tokens(const Tensor& x) { return flatten(x, 1, 2); }
// Of images or tokens: one number per channel.
Tensor pooled(const Tensor& x) { return x.rank() == 4 ? mean(x, {1, 2}) : mean(x, {1}); }
Tensor numbers(Shape shape) {
  std::vector<double> elements;
  for (std::int64_t i = 0; i < shape.numel(); ++i)
    elements.push_back(static_cast<double>(i % 7) - 2.5);
  return from_vector(elements, std::move(shape));
}

// Each use of an op in a model, and its nodes.
struct Use {
  const char* name;
  Function::Body body;
  std::map<std::string, int> nodes;
};
std::vector<Use> uses_of_shape_ops() {
  return {
      {"reshape keeps the batch",
       [](const Tensor& x) { return pooled(tokens(x)); },
       {{"Reshape", 2}, {"ReduceMean", 1}, {"Transpose", 1}}},
      {"reshape merges the batch",
       [](const Tensor& x) {
         const Tensor rows = reshape(x, {x.dim(0) * x.dim(1), x.dim(2), 3});
         return pooled(reshape(rows + 1.0, {x.dim(0), x.dim(1), x.dim(2), 3}));
       },
       {{"Reshape", 3}}},
      {"windows",
       [](const Tensor& x) {
         const Tensor cut = reshape(x, {x.dim(0), 4, 8, 4, 8, 3});
         const Tensor rows = reshape(permute(cut, {0, 1, 3, 2, 4, 5}), {x.dim(0) * 16, 64, 3});
         return pooled(reshape(rows, {x.dim(0), -1, 3}));
       },
       {{"Reshape", 4}}},
      {"concat of images",
       [](const Tensor& x) {
         return pooled(concat({relu(x), conv2d(x, numbers({2, 1, 1, 3}))}, -1));
       },
       {{"Concat", 1}, {"Transpose", 1}}},
      {"concat of numbers",
       [](const Tensor& x) {
         return concat({global_avg_pool2d(x), global_avg_pool2d(-x)}, 1);
       },
       {{"Concat", 1}}},
      {"class token",
       [](const Tensor& x) {
         const Tensor token = expand(numbers({1, 1, 3}), {x.dim(0), -1, -1});
         return squeeze(narrow(concat({token, tokens(x)}, 1), 1, 0, 1), 1);
       },
       {{"Expand", 1}, {"Shape", 1}, {"Concat", 2}, {"Slice", 1}}},
      {"split of channels",
       [](const Tensor& x) {
         const Tensors pieces = split(relu(x), std::vector<std::int64_t>{1, 2}, -1);
         return pooled(pieces[1]) * pooled(pieces[0]);
       },
       {{"Slice", 2}}},
      {"padding",
       [](const Tensor& x) {
         return pooled(pad(x, {1, 2, 3, 4}, PadMode::constant, 0.5));
       },
       {{"Pad", 1}}},
      {"padding by position",
       [](const Tensor& x) {
         return pooled(pad(x, {1, 2, 3, 4}, PadMode::reflect));
       },
       {{"Gather", 2}}},
      {"roll",
       [](const Tensor& x) {
         return pooled(roll(x, {2, -1}, {1, 2}));
       },
       {{"Gather", 2}}},
      {"position bias",
       [](const Tensor& x) {
         const Tensor chosen = from_vector({2, 0, 1}, {3}, DType::i64);
         return pooled(x) + index_select(numbers({4, 3}), chosen.rows(1, 2));
       },
       {{"Gather", 1}}},
      {"attention",
       [](const Tensor& x) {
         const Tensor rows = tokens(x);
         return pooled(matmul(softmax(matmul(rows, rows * 0.125, false, true)), rows));
       },
       {{"MatMul", 2}, {"Softmax", 1}}},
      {"matmul with one matrix",
       [](const Tensor& x) {
         return pooled(matmul(numbers({5, 32}), x, false, false));
       },
       {{"MatMul", 1}}},
      {"linear of rows",
       [](const Tensor& x) {
         return pooled(linear(tokens(x), numbers({4, 3}), numbers({4})));
       },
       {{"MatMul", 1}, {"Add", 1}}},
      {"sums",
       [](const Tensor& x) {
         return sum(x, {1, 2}) * sum(pooled(x), {-1}, true);
       },
       {{"ReduceSum", 2}, {"ReduceMean", 1}}},
      {"expand of columns",
       [](const Tensor& x) {
         return pooled(expand(mean(x, {2}, true), {-1, -1, 5, -1}));
       },
       {{"Expand", 1}, {"Shape", 0}}},
      {"resampling",
       [](const Tensor& x) {
         return pooled(upsample(x, {7, 40}, {.mode = UpsampleMode::bicubic}));
       },
       {{"MatMul", 2}}},
      {"pooling",
       [](const Tensor& x) {
         const Pool2dOptions same = {.kernel_size = 3, .padding = {0, 1, 0, 1}};
         return pooled(max_pool2d(x, same)) + pooled(avg_pool2d(x, same));
       },
       {{"MaxPool", 1}, {"AveragePool", 1}}},
      {"pooling of partial windows",
       [](const Tensor& x) {
         const Pool2dOptions most = {.kernel_size = 3, .ceil_mode = true};
         const Pool2dOptions pixels = {
             .kernel_size = 3, .stride = 3, .padding = 1, .count_include_pad = false};
         return pooled(max_pool2d(x, most)) + pooled(avg_pool2d(x, pixels));
       },
       {{"MaxPool", 1}, {"AveragePool", 1}}},
  };
}

// A convolution without a layer.
class BareConvolution : public Module {
 public:
  explicit BareConvolution(const Padding& padding) : padding_(padding) {}

 private:
  Tensor forward(const Tensor& x) override {
    return global_avg_pool2d(conv2d(x, full({2, 3, 3, 3}, 1), {}, {.padding = padding_}));
  }
  Padding padding_;
};

// Reads a file that ONNX's checker accepts.
onnx::ModelProto checked_file(const std::filesystem::path& path) {
  onnx::ModelProto file;
  std::ifstream stream(path, std::ios::binary);
  REQUIRE(file.ParseFromIstream(&stream));
  onnx::checker::check_model(file);
  return file;
}

}  // namespace

TEST_CASE("a ResNet becomes a valid graph of the expected ops") {
  const TemporaryFolder folder;
  const std::filesystem::path path = folder.path() / "model.onnx";
  const std::unique_ptr<Module> model = small_model();
  const OnnxPreprocessing preprocessing{.mean = {0.1, 0.2, 0.3}, .std = {0.5, 0.6, 0.7}};
  struct Row {
    OnnxOptions options;
    int norms;
    const char *input, *output;
    std::int64_t channels;
  };
  const Row rows[] = {
      {{.name = "resnet18"}, 0, "images", "logits", 3},
      {{.name = "resnet18", .fold_batch_norm = false}, 20, "images", "logits", 3},
      {{.name = "resnet18", .preprocessing = preprocessing}, 0, "grey", "probability", 1}};
  for (const Row& row : rows) {
    CAPTURE(row.norms);
    CAPTURE(std::string(row.input));
    write_onnx(path, *model, kSize, row.options);
    const onnx::ModelProto file = checked_file(path);
    std::map<std::string, int> ops = counts(file);
    CHECK(ops["Conv"] == 20);
    CHECK(ops["BatchNormalization"] == row.norms);
    CHECK(ops["Transpose"] == 0);
    CHECK(ops["Sigmoid"] == (row.channels == 1));
    CHECK(file.opset_import(0).version() == 17);
    const auto& input = file.graph().input(0);
    CHECK(input.name() == row.input);
    CHECK(input.type().tensor_type().shape().dim(0).dim_param() == "N");
    CHECK(input.type().tensor_type().shape().dim(1).dim_value() == row.channels);
    CHECK(file.graph().output(0).name() == row.output);
    std::set<std::string> constants;
    for (const auto& constant : file.graph().initializer()) constants.insert(constant.name());
    CHECK(constants.contains("layer1.0.conv1.weight"));
    CHECK(constants.contains("fc.bias"));
  }
}

TEST_CASE("the graph ends in the prediction of the task") {
  struct Row {
    OnnxPrediction prediction;
    std::int64_t outputs;
    const char* output;
    int columns;  // 0: one value per image
    std::map<std::string, int> ops;
  };
  const Row rows[] = {
      {OnnxPrediction::sigmoid, 1, "probability", 0, {{"Sigmoid", 1}, {"Softmax", 0}}},
      {OnnxPrediction::sigmoid, 3, "probability", 3, {{"Sigmoid", 1}, {"Softmax", 0}}},
      {OnnxPrediction::softmax, 3, "probability", 3, {{"Sigmoid", 0}, {"Softmax", 1}}},
      {OnnxPrediction::cumulative, 3, "probability", 4, {{"Sigmoid", 1}, {"Min", 3}, {"Sub", 4}}},
      {OnnxPrediction::number, 1, "predicted", 0, {{"Sigmoid", 0}, {"Mul", 1}}}};
  const TemporaryFolder folder;
  const auto path = folder.path() / "model.onnx";
  for (const Row& row : rows) {
    CAPTURE(std::string(row.output));
    CAPTURE(row.columns);
    const auto model = make_model("resnet18", {.num_classes = row.outputs, .width = 4});
    write_onnx(path, *model, kSize,
               {.name = "resnet18",
                .preprocessing = OnnxPreprocessing{.mean = {0, 0, 0},
                                                   .std = {1, 1, 1},
                                                   .prediction = row.prediction,
                                                   .offset = 3,
                                                   .scale = 2}});
    const onnx::ModelProto file = checked_file(path);
    std::map<std::string, int> ops = counts(file);
    for (const auto& [name, count] : row.ops) CHECK(ops[name] == count);
    CHECK(file.graph().output(0).name() == row.output);
    const auto& shape = file.graph().output(0).type().tensor_type().shape();
    REQUIRE(shape.dim_size() == (row.columns == 0 ? 1 : 2));
    if (row.columns > 0) CHECK(shape.dim(1).dim_value() == row.columns);
  }
}

TEST_CASE("a registered family becomes a valid graph") {
  register_plain_model();
  const TemporaryFolder folder;
  const std::filesystem::path path = folder.path() / "model.onnx";
  const auto model = make_model("plain", {.width = 4});
  write_onnx(path, *model, kSize, {.name = "plain"});
  const onnx::ModelProto file = checked_file(path);
  CHECK(counts(file)["Conv"] == 2);
  CHECK(counts(file)["MaxPool"] == 1);
  std::set<std::string> constants;
  for (const auto& constant : file.graph().initializer()) constants.insert(constant.name());
  CHECK(constants.contains("features.0.bias"));
  CHECK(constants.contains("classifier.weight"));
}

TEST_CASE("a model of each family becomes a valid graph with its convolutions and its head") {
  register_plain_model();
  const TemporaryFolder folder;
  const std::filesystem::path path = folder.path() / "model.onnx";
  for (const std::string& arch : one_model_per_design()) {
    CAPTURE(arch);
    const auto model = make_model(arch, {.width = kFamilyWidth});
    int convolutions = 0;
    {
      const EvaluationMode evaluation(*model);
      const ObserveModules no_fusion([](const ModuleEvent&) {});
      const ObserveOps observe([&](const Observation& op) {
        convolutions += std::string_view(op.name) == schema::conv2d.name;
      });
      const NoGrad no_grad;
      (*model)(zeros({1, kFamilyImageSize, kFamilyImageSize, 3}));
    }
    write_onnx(path, *model, kFamilyImageSize, {.name = arch});
    const onnx::ModelProto file = checked_file(path);
    CHECK(counts(file)["Conv"] == convolutions);
    CHECK(std::ranges::any_of(file.graph().initializer(), [&](const auto& constant) {
      return constant.name().starts_with(find_architecture(arch).head + ".");
    }));
  }
}

TEST_CASE("every elementwise op has a rule") {
  const TemporaryFolder folder;
  const std::filesystem::path path = folder.path() / "model.onnx";
  EveryElementwise model;
  write_onnx(path, model, kSize, {.name = "elementwise"});
  const onnx::ModelProto file = checked_file(path);
  std::map<std::string, int> ops = counts(file);
  struct Row {
    std::string op;
    int nodes;
  };
  for (const auto& [op, nodes] : {Row{"Clip", 1},
                                  {"Pow", 1},
                                  {"Where", 6},
                                  {"Less", 1},
                                  {"LessOrEqual", 1},
                                  {"Greater", 1},
                                  {"GreaterOrEqual", 1},
                                  {"Equal", 2},
                                  {"Not", 1},
                                  {"Neg", 1},
                                  {"Sigmoid", 1}}) {
    CAPTURE(op);
    CHECK(ops[op] == nodes);
  }
}

TEST_CASE("every function has a rule") {
  const TemporaryFolder folder;
  const std::filesystem::path path = folder.path() / "model.onnx";
  EveryFunction model;
  write_onnx(path, model, kSize, {.name = "functions"});
  const onnx::ModelProto file = checked_file(path);
  std::map<std::string, int> ops = counts(file);
  struct Row {
    std::string op;
    int nodes;
  };
  for (const auto& [op, nodes] :
       {Row{"Abs", 1}, {"Sqrt", 2},      {"Reciprocal", 1}, {"Log", 2},         {"Exp", 2},
        {"Sin", 1},    {"Cos", 1},       {"Erf", 2},        {"Sign", 1},        {"Clip", 1},
        {"Elu", 1},    {"LeakyRelu", 1}, {"Tanh", 2},       {"Sigmoid", 1},     {"Softplus", 1},
        {"Max", 1},    {"Min", 1},       {"HardSwish", 1},  {"HardSigmoid", 1}, {"Div", 1}}) {
    CAPTURE(op);
    CHECK(ops[op] == nodes);
  }
  for (const onnx::NodeProto& node : file.graph().node()) {
    if (node.op_type() == "LeakyRelu") CHECK(node.attribute(0).f() == 0.125F);
    if (node.op_type() == "Elu") CHECK(node.attribute(0).f() == 0.5F);
  }
}

TEST_CASE("a number as an operand becomes a constant") {
  const TemporaryFolder folder;
  const std::filesystem::path path = folder.path() / "model.onnx";
  Numbers model;
  write_onnx(path, model, kSize, {.name = "numbers"});
  const onnx::ModelProto file = checked_file(path);
  struct Row {
    const char* op;
    int place;  // of the number
    float number;
  };
  for (const Row& row : {Row{"Mul", 1, 2.5F}, Row{"Sub", 0, 1}}) {
    CAPTURE(std::string(row.op));
    int found = 0;
    for (const auto& node : file.graph().node())
      for (const auto& constant : file.graph().initializer())
        if (node.op_type() == row.op && node.input_size() == 2 &&
            node.input(row.place) == constant.name()) {
          ++found;
          CHECK(*reinterpret_cast<const float*>(constant.raw_data().data()) == row.number);
        }
    CHECK(found == 1);
  }
}

TEST_CASE("a batch norm is written from what the op records") {
  const TemporaryFolder folder;
  const std::filesystem::path path = folder.path() / "model.onnx";
  BareNorm model;
  write_onnx(path, model, kSize, {.name = "norm"});
  const onnx::ModelProto file = checked_file(path);
  std::map<std::string, float> constants;  // their first element
  for (const auto& constant : file.graph().initializer())
    constants[constant.name()] = *reinterpret_cast<const float*>(constant.raw_data().data());
  REQUIRE(file.graph().node_size() > 0);
  const onnx::NodeProto& norm = file.graph().node(0);
  CHECK(norm.op_type() == "BatchNormalization");
  REQUIRE(norm.input_size() == 5);
  const float expected[] = {2, 3, 5, 7};
  for (int i = 1; i < 5; ++i) {
    CAPTURE(i);
    CHECK(constants[norm.input(i)] == expected[i - 1]);
  }
  CHECK(norm.attribute(0).f() == 0.25F);
}

TEST_CASE("padding is written as top, left, bottom, right") {
  const TemporaryFolder folder;
  const std::filesystem::path path = folder.path() / "model.onnx";
  struct Row {
    Padding padding;
    std::vector<std::int64_t> pads;
  };
  for (const auto& [padding, pads] : {Row{1, {1, 1, 1, 1}},
                                      {{1, 2}, {1, 2, 1, 2}},
                                      {Spatial(3, 4), {3, 4, 3, 4}},
                                      {{1, 2, 3, 4}, {1, 3, 2, 4}}}) {
    CAPTURE(pads);
    BareConvolution model(padding);
    write_onnx(path, model, kSize, {.name = "convolution"});
    const onnx::ModelProto file = checked_file(path);
    REQUIRE(file.graph().node_size() > 0);
    const auto& attributes = file.graph().node(0).attribute();
    const auto found = std::ranges::find(attributes, "pads", &onnx::AttributeProto::name);
    REQUIRE(found != attributes.end());
    CHECK(std::vector<std::int64_t>(found->ints().begin(), found->ints().end()) == pads);
  }
}

TEST_CASE("ops on shapes and products become the expected nodes") {
  const TemporaryFolder folder;
  const std::filesystem::path path = folder.path() / "model.onnx";
  for (const Use& use : uses_of_shape_ops()) {
    CAPTURE(std::string(use.name));
    Function model(use.body);
    write_onnx(path, model, kSize, {.name = "function"});
    std::map<std::string, int> ops = counts(checked_file(path));
    for (const auto& [op, nodes] : use.nodes) {
      CAPTURE(op);
      CHECK(ops[op] == nodes);
    }
  }
}

TEST_CASE("what cannot follow the batch is refused") {
  const TemporaryFolder folder;
  const std::filesystem::path path = folder.path() / "model.onnx";
  const Use uses[] = {
      {"has a constant [3,3]",
       [](const Tensor& x) {
         return pooled(x) + numbers({x.dim(0), 3});
       },
       {}},
      {"cuts the batch", [](const Tensor& x) { return narrow(pooled(x), 0, 1, x.dim(0) - 1); }, {}},
      {"has 2 extents that depend on the batch",
       [](const Tensor& x) {
         const Tensor y = pooled(x);
         return reshape(matmul(y, y, false, true), {1, x.dim(0), x.dim(0)});
       },
       {}},
      {"no multiple of the batch",
       [](const Tensor& x) {
         return expand(mean(pooled(x), {0}, true), {x.dim(0) + 1, -1});
       },
       {}},
      {"the ops of the model depend on the size of the batch",
       [](const Tensor& x) { return x.dim(0) == 2 ? pooled(x) : pooled(x) + 1.0; },
       {}}};
  for (const Use& use : uses) {
    Function model(use.body);
    const std::string message =
        message_of([&] { write_onnx(path, model, kSize, {.name = "function"}); });
    CAPTURE(message);
    CHECK(contains(message, use.name));
  }
}

TEST_CASE("an op without a rule and an unwritable file are named") {
  const TemporaryFolder folder;
  const std::unique_ptr<Module> model = small_model();
  CHECK(
      contains(message_of([&] { write_onnx("/nowhere/model.onnx", *model, kSize); }), "/nowhere"));
  Odd odd;
  const auto path = folder.path() / "model.onnx";
  CHECK(contains(message_of([&] { write_onnx(path, odd, kSize); }), "no rule for the op amax"));
  LowThreshold low;
  CHECK(contains(message_of([&] { write_onnx(path, low, kSize); }), "softplus with threshold 2"));
  CHECK_FALSE(std::filesystem::exists(path));
}
