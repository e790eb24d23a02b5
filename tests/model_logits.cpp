// Loads weights in torchvision's form, applies the model and saves the weights again: our half of
// scripts/check_torchvision.py.
//
//   model_logits ARCH MODEL.safetensors IMAGES.safetensors OUT_MODEL.safetensors OUT.safetensors
//
// IMAGES holds `images` [N,H,W,3], f32; OUT gets `logits`, computed in evaluation mode.
#include <iostream>
#include <string>

#include "nn/models.h"
#include "nn/state_dict.h"
#include "tensor/autograd.h"
#include "tensor/safetensors.h"

using namespace osteon;

namespace {

Tensor find(const NamedTensors& file, const std::string& wanted) {
  for (const auto& [name, tensor] : file.tensors)
    if (name == wanted) return tensor;
  throw Error("model_logits: no tensor " + wanted);
}

void run(const std::string& arch, const char* model_file, const char* images_file,
         const char* out_model_file, const char* out_file) {
  const NamedTensors weights = read_safetensors(model_file);
  const auto model = make_model(arch, {.num_classes = find(weights, "fc.bias").numel()});
  load_state_dict(*model, weights);
  write_safetensors(out_model_file, state_dict(*model));
  const NoGrad no_grad;
  const EvaluationMode evaluation(*model);
  NamedTensors out;
  out.tensors.emplace_back("logits", (*model)(find(read_safetensors(images_file), "images")));
  write_safetensors(out_file, out);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 6) {
    std::cerr << "usage: model_logits ARCH MODEL IMAGES OUT_MODEL OUT\n";
    return 2;
  }
  try {
    run(argv[1], argv[2], argv[3], argv[4], argv[5]);
  } catch (const std::exception& error) {
    std::cerr << "model_logits: " << error.what() << '\n';
    return 1;
  }
}
