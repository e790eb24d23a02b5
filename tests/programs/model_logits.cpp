// Loads weights in torchvision's format, applies the model and saves the weights again: our part of
// scripts/check_torchvision.py.
//
//   model_logits ARCH MODEL IMAGES.safetensors OUT_MODEL.safetensors OUT.safetensors [CLASSES]
//
// MODEL is a safetensors or .pth file. With CLASSES the model has that many, and a new head if the
// file's head does not match. IMAGES holds `images` [N,H,W,3], f32; OUT gets `logits`, computed in
// evaluation mode.
#include <iostream>
#include <string>

#include "interop/torch_pickle.h"
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
         const char* out_model_file, const char* out_file, std::int64_t classes) {
  const NamedTensors weights = looks_like_torch_file(model_file) ? TorchFile(model_file).read(0)
                                                                 : read_safetensors(model_file);
  const std::int64_t own = find(weights, find_architecture(arch).head + ".bias").numel();
  const auto model = make_model(arch, {.num_classes = classes > 0 ? classes : own});
  load_state_dict(*model, weights, classes > 0 ? find_architecture(arch).head : "");
  write_safetensors(out_model_file, state_dict(*model));
  const NoGrad no_grad;
  const EvaluationMode evaluation(*model);
  NamedTensors out;
  out.tensors.emplace_back("logits", (*model)(find(read_safetensors(images_file), "images")));
  write_safetensors(out_file, out);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 6 && argc != 7) {
    std::cerr << "usage: model_logits ARCH MODEL IMAGES OUT_MODEL OUT [CLASSES]\n";
    return 2;
  }
  try {
    run(argv[1], argv[2], argv[3], argv[4], argv[5], argc == 7 ? std::stoll(argv[6]) : 0);
  } catch (const std::exception& error) {
    std::cerr << "model_logits: " << error.what() << '\n';
    return 1;
  }
}
