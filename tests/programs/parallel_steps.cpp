// Five steps of a narrow network in f64 by several processes, or by one with the whole batch: part
// of tests/train/processes_test.cpp.
//
//   parallel_steps OUT.safetensors separate|synchronised ROWS
//
// ROWS is the number of images of a step, which the processes divide. The first process writes the
// weights and buffers.
#include <iostream>
#include <string>

#include "nn/init.h"
#include "nn/models.h"
#include "nn/state_dict.h"
#include "nn/sync_batch_norm.h"
#include "ops/ops.h"
#include "optim/sgd.h"
#include "train/process_check.h"
#include "train/training_step.h"

using namespace osteon;

namespace {

constexpr std::int64_t kSteps = 5, kSide = 32;

Tensor images_of(std::int64_t step, std::int64_t rows) {
  RandomStream random(3, static_cast<std::uint64_t>(step));
  std::vector<double> values(static_cast<std::size_t>(rows * kSide * kSide * 3));
  for (double& value : values) value = random.uniform(-1, 1);
  return from_vector(values, {rows, kSide, kSide, 3}, DType::f64);
}

Tensor targets_of(std::int64_t rows) {
  std::vector<double> targets;
  for (std::int64_t i = 0; i < rows; ++i) targets.push_back(static_cast<double>(i % 3 == 0));
  return from_vector(targets, {rows}, DType::f64);
}

void run(const char* out, bool is_synchronised, std::int64_t whole) {
  ProcessGroup& group = world();
  // The weights of the first process count.
  const auto seed = static_cast<std::uint64_t>(5 + group.rank());
  const auto model = make_model("resnet18", {.num_classes = 1, .width = 4, .seed = seed});
  model->to(DType::f64);
  share_weights(*model);
  if (is_synchronised) synchronise_batch_norm(*model);
  model->train();
  SGD optimizer({{.parameters = model->named_parameters(), .lr = 0.01}}, {.momentum = 0.9});
  TrainingStep step(*model, optimizer,
                    [&](const Tensors& inputs) {
                      return binary_cross_entropy_with_logits(reshape((*model)(inputs[0]), {-1}),
                                                              inputs[1]);
                    },
                    {.batch_size = whole, .shards = {group.size(), group.rank(), 1}});
  const Rows rows = rows_of_shard(whole, group.rank(), group.size());
  for (std::int64_t i = 0; i < kSteps; ++i) {
    const auto here = [&](const Tensor& x) { return x.rows(rows.begin, rows.end).clone(); };
    const auto count = static_cast<std::size_t>(rows.end - rows.begin);
    step.issue({{.inputs = {here(images_of(i, whole)), here(targets_of(whole))},
                 .samples = std::vector<std::int64_t>(count),
                 .begin = rows.begin,
                 .whole = whole}});
    OSTEON_CHECK(step.take_result(true)->is_finite(), "step ", i, " is not finite");
  }
  NamedTensors state;
  std::string bytes;
  for (const auto& [name, tensor] : model->named_state()) {
    state.tensors.emplace_back(name, tensor);
    bytes.append(reinterpret_cast<const char*>(tensor.raw()), tensor.bytes());
  }
  for (const std::string& other : group.all_gather(bytes))
    OSTEON_CHECK(other == bytes, "the processes have different weights");
  if (group.is_first()) write_safetensors(out, state);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 4) {
    std::cerr << "usage: parallel_steps OUT separate|synchronised ROWS\n";
    return 2;
  }
  try {
    run(argv[1], std::string(argv[2]) == "synchronised", std::stoll(argv[3]));
  } catch (const std::exception& error) {
    world().abort(error.what(), 1);
  }
}
