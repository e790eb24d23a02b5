// Trains a ResNet18 on a folder of radiographs, from the files to its AUROC, with the parts of the
// library that Trainer (train/trainer.h) also uses. Usage: train DATA [EPOCHS]
#include <iostream>

#include "data/loader.h"
#include "data/prepare.h"
#include "eval/inference.h"
#include "nn/models.h"
#include "ops/ops.h"
#include "optim/adam.h"

using namespace osteon;

int main(int argc, char** argv) {
  if (argc < 2) return std::cerr << "usage: train DATA [EPOCHS]\n", 2;
  const int epochs = argc > 2 ? std::stoi(argv[2]) : 8;

  // Images with labels and splits, decoded once, and the question: normal or abnormal?
  const PreparedImages data = prepare_images(read_manifest(argv[1], {}), {.image_size = 64});
  const auto train = split_indices(data.manifest, Split::train);
  const auto val = split_indices(data.manifest, Split::val);
  const auto task = make_task("binary", data.manifest.classes);
  ModelInfo info;
  info.image_size = 64;
  info.mean.assign(3, data.mean);
  info.std.assign(3, data.std);

  const auto model = make_model("resnet18", {.num_classes = task->outputs(), .seed = 1});
  Adam optimizer({{.parameters = model->named_parameters(), .lr = 1e-3}});

  for (int epoch = 0; epoch < epochs; ++epoch) {
    model->train();
    Loader loader(*data.store, train, {.batch_size = 16, .image_size = 64, .shuffle = true}, epoch);
    for (Batch batch; loader.next(batch);) {
      if (batch.indices.size() < 2) continue;  // batch norm needs two images
      const Tensor x = model_input(batch.images, batch.matrices, info, DType::f32);
      const Tensor targets = task->targets({data.manifest, batch.indices}, DType::f32);
      const Tensor loss = task->loss(outputs_of(*model, x), targets, {});
      optimizer.zero_grad();
      backward(loss);
      optimizer.step();
    }
    const ImageValues outputs = infer_outputs(*model, info, *data.store, val, {});
    const auto result =
        task->evaluate({data.manifest, val}, task->predict(outputs, info), info, {});
    std::cout << "epoch " << epoch + 1;
    for (const auto& [name, value] : result->figures())
      std::cout << "  " << name << " " << value.value_or(0);
    std::cout << std::endl;
  }
}
