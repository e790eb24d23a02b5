// A narrow ResNet18 in training on an emulated device, in bf16, for tests of how its steps are
// issued.
#pragma once

#include <memory>
#include <vector>

#include "nn/init.h"
#include "nn/models.h"
#include "ops/ops.h"
#include "optim/adam.h"
#include "train/training_step.h"

namespace cuda_emulator {

constexpr std::int64_t kBatch = 4, kSize = 32;

struct SmallTraining {
  // Steps with one batch of `recorded_batch` images are recorded; 0: none are.
  explicit SmallTraining(std::int64_t recorded_batch,
                         const osteon::Device& device = osteon::Device::cuda())
      : model(osteon::make_model("resnet18", {.width = 8, .seed = 1})) {
    model->to(device);
    optimizer = std::make_unique<osteon::Adam>(
        std::vector<osteon::ParameterGroup>{{.parameters = model->named_parameters()}});
    step = std::make_unique<osteon::TrainingStep>(
        *model, *optimizer,
        [this](const osteon::Tensors& inputs) {
          const osteon::Tensor logits = (*model)(cast(inputs[0], osteon::DType::bf16));
          return binary_cross_entropy_with_logits(cast(reshape(logits, {-1}), osteon::DType::f32),
                                                  inputs[1]);
        },
        osteon::TrainingStep::Options{.batch_size = recorded_batch, .clip_norm = 1});
  }

  // A batch of random images; the number of the batch gives other images.
  static osteon::TrainingBatch batch(std::uint64_t number, std::int64_t images = kBatch) {
    const osteon::Tensor pixels({images, kSize, kSize, 3}, osteon::DType::f32);
    uniform_(pixels, 1, {.seed = 3, .stream = number});
    return {{pixels, osteon::zeros({images})},
            std::vector<std::int64_t>(static_cast<std::size_t>(images))};
  }

  void issue(std::uint64_t number) const { step->issue({batch(number)}); }

  // All weights and statistics.
  std::vector<double> state() const {
    std::vector<double> all;
    for (const auto& [name, tensor] : model->named_state()) {
      const std::vector<double> values = tensor.to_vector();
      all.insert(all.end(), values.begin(), values.end());
    }
    return all;
  }

  std::unique_ptr<osteon::Module> model;
  std::unique_ptr<osteon::Adam> optimizer;
  std::unique_ptr<osteon::TrainingStep> step;
};

}  // namespace cuda_emulator
