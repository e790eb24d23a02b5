// A new head on trained weights: the body keeps its weights, and only the last layer is trained on
// the new data. Usage: fine_tune RUN DATA, where RUN is the folder of a run of train_mura.
#include <iostream>

#include "data/loader.h"
#include "data/prepare.h"
#include "eval/inference.h"
#include "nn/init.h"
#include "nn/models.h"
#include "optim/adam.h"
#include "tensor/autograd.h"

using namespace osteon;

namespace {

// Freezes all parameters except those of the head, which get new random values. Returns the
// parameters of the head.
NamedTensorList freeze_body(Module& model, const std::string& head) {
  NamedTensorList trainable;
  for (auto& [name, parameter] : model.named_parameters()) {
    const bool is_head = name.starts_with(head + ".");
    parameter.set_requires_grad(is_head);
    if (is_head) trainable.emplace_back(name, parameter);
  }
  for (const auto& [path, module] : model.named_modules())
    if (path == head) initialise_parameters(*module, /*seed=*/1);
  return trainable;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) return std::cerr << "usage: fine_tune RUN DATA\n", 2;
  TrainedModel trained = load_model(argv[1]);
  const ModelInfo& info = trained.info;
  const PreparedImages data =
      prepare_images(read_manifest(argv[2], {}), {.image_size = info.image_size, .fit = info.fit});
  const auto train = split_indices(data.manifest, Split::train);
  const auto val = split_indices(data.manifest, Split::val);
  const auto task = task_of(info);

  Adam optimizer(
      {{.parameters = freeze_body(*trained.model, find_architecture(info.arch).head), .lr = 1e-2}});
  const auto auroc = [&] {
    const ImageValues outputs = infer_outputs(*trained.model, info, *data.store, val, {});
    return task->evaluate({data.manifest, val}, task->predict(outputs, info), info, {})
        ->figures()[0]
        .second.value_or(0);
  };
  std::cout << "with a random head: AUROC " << auroc() << "\n";

  trained.model->eval();  // batch norm keeps its statistics, because they belong to the body
  for (int epoch = 0; epoch < 5; ++epoch) {
    Loader loader(*data.store, train,
                  {.batch_size = 16, .image_size = info.image_size, .shuffle = true}, epoch);
    for (Batch batch; loader.next(batch);) {
      const Tensor x = model_input(batch.images, batch.matrices, info, DType::f32);
      const Tensor targets = task->targets({data.manifest, batch.indices}, DType::f32);
      optimizer.zero_grad();
      backward(task->loss(outputs_of(*trained.model, x), targets, {}));
      optimizer.step();
    }
    std::cout << "epoch " << epoch + 1 << ": AUROC " << auroc() << std::endl;
  }
}
