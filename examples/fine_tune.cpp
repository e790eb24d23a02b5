// A new head on ImageNet's weights: the body keeps them, and only the last layer is trained on the
// new data. Usage: fine_tune MODEL WEIGHTS DATA, for example
//
//   scripts/fetch_weights.sh efficientnet_lite0
//   fine_tune efficientnet_lite0 weights/efficientnet_lite0.safetensors MURA-v1.1
//
// train_mura --recipe finetune does the same in its first epoch, and then trains the body, too.
#include <iostream>

#include "data/loader.h"
#include "data/prepare.h"
#include "eval/inference.h"
#include "eval/initial_weights.h"
#include "nn/models.h"
#include "nn/name_match.h"
#include "optim/adam.h"
#include "tensor/autograd.h"

using namespace osteon;

namespace {

// Freezes all parameters except those of the head, and returns these.
NamedTensorList freeze_body(Module& model, const std::string& head) {
  NamedTensorList trainable;
  for (auto& [name, parameter] : model.named_parameters()) {
    const bool is_head = is_below(name, head);
    parameter.set_requires_grad(is_head);
    if (is_head) trainable.emplace_back(name, parameter);
  }
  return trainable;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 4) return std::cerr << "usage: fine_tune MODEL WEIGHTS DATA\n", 2;
  ModelInfo info;
  info.arch = argv[1];
  info.image_size = 128;
  const PreparedImages data = prepare_images(read_manifest(argv[3], {}), {.image_size = 128});
  info.classes = data.manifest.classes;
  const auto task = task_of(info);
  const auto model = make_model(info.arch, {.num_classes = task->outputs(), .seed = 1});
  const InitialWeights weights = initialise_from(*model, info, argv[2]);
  std::cout << weights.summary << "\n";
  info.mean = weights.info.mean;
  info.std = weights.info.std;

  const auto train = split_indices(data.manifest, Split::train);
  const auto val = split_indices(data.manifest, Split::val);
  Adam optimizer(
      {{.parameters = freeze_body(*model, find_architecture(info.arch).head), .lr = 1e-2}});
  const auto auroc = [&] {
    const ImageValues outputs = infer_outputs(*model, info, *data.store, val, {});
    return task->evaluate({data.manifest, val}, task->predict(outputs, info), info, {})
        ->figures()[0]
        .second.value_or(0);
  };
  std::cout << "before training: AUROC " << auroc() << "\n";

  model->eval();  // batch norm keeps its statistics, because they belong to the body
  for (int epoch = 0; epoch < 5; ++epoch) {
    Loader loader(*data.store, train,
                  {.batch_size = 16, .image_size = info.image_size, .shuffle = true}, epoch);
    for (Batch batch; loader.next(batch);) {
      const Tensor x = model_input(batch.images, batch.matrices, info, DType::f32);
      const Tensor targets = task->targets({data.manifest, batch.indices}, DType::f32);
      optimizer.zero_grad();
      backward(task->loss(outputs_of(*model, x), targets, {}));
      optimizer.step();
    }
    std::cout << "epoch " << epoch + 1 << ": AUROC " << auroc() << std::endl;
  }
}
