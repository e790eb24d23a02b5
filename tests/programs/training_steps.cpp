// Training steps from given weights and batches: our part of scripts/parity_torch.py.
//
//   training_steps ARCH WEIGHTS.safetensors BATCHES.safetensors MODE OUT.safetensors
//
// BATCHES holds `images` [T,N,H,W,3], f32, and `labels` [T,N], f32. MODE free: T steps of SGD
// (learning rate 0.01, no momentum), OUT gets `losses` [T] and the parameters afterwards. MODE
// step: batch t = 0 alone, without a step; OUT gets `losses` [1] and the gradients as parameters
// are laid out.
#include <iostream>
#include <string>

#include "nn/models.h"
#include "nn/state_dict.h"
#include "ops/ops.h"
#include "optim/sgd.h"
#include "tensor/autograd.h"
#include "tensor/safetensors.h"

using namespace osteon;

namespace {

constexpr double kLearningRate = 0.01;

Tensor find(const NamedTensors& file, const std::string& wanted) {
  for (const auto& [name, tensor] : file.tensors)
    if (name == wanted) return tensor;
  throw Error("training_steps: no tensor " + wanted);
}

// Batch t of a tensor [T,...].
Tensor batch(const Tensor& all, std::int64_t t) {
  std::vector<std::int64_t> extents = all.shape().extents();
  extents.erase(extents.begin());
  return all.rows(t, t + 1).view(Shape(extents)).clone();
}

double gradients(Module& model, const Tensor& images, const Tensor& labels) {
  const Tensor loss = binary_cross_entropy_with_logits(reshape(model(images), {-1}), labels);
  backward(loss);
  return loss.item();
}

void run(const std::string& arch, const char* weights, const char* batches, const std::string& mode,
         const char* out_file) {
  const auto model = make_model(arch);
  load_state_dict(*model, read_safetensors(weights));
  const NamedTensors data = read_safetensors(batches);
  const Tensor images = find(data, "images"), labels = find(data, "labels");
  SGD optimizer({{.parameters = model->named_parameters(), .lr = kLearningRate}}, {.momentum = 0});
  model->train();
  std::vector<double> losses;
  NamedTensors out;
  const std::int64_t steps = mode == "step" ? 1 : images.dim(0);
  for (std::int64_t t = 0; t < steps; ++t) {
    optimizer.zero_grad();
    losses.push_back(gradients(*model, batch(images, t), batch(labels, t)));
    if (mode == "free") optimizer.step();
  }
  for (const auto& [name, parameter] : model->named_parameters())
    out.tensors.emplace_back(name,
                             to_file_layout(mode == "step" ? parameter.grad() : parameter).clone());
  out.tensors.emplace_back("losses", from_vector(losses, {steps}, DType::f64));
  write_safetensors(out_file, out);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 6) {
    std::cerr << "usage: training_steps ARCH WEIGHTS BATCHES free|step OUT\n";
    return 2;
  }
  try {
    run(argv[1], argv[2], argv[3], argv[4], argv[5]);
  } catch (const std::exception& error) {
    std::cerr << "training_steps: " << error.what() << '\n';
    return 1;
  }
}
