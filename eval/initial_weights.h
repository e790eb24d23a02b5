// Weights of another training run or program as the start of training.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "eval/model_file.h"
#include "nn/module.h"

namespace osteon {

struct InitialWeights {
  WeightsInfo info;
  std::vector<std::string> left_as_initialised;  // names of the head's tensors if it does not match
  std::string summary;                           // one line: which tensors of the file were taken
};

// Loads initial weights into `model`, whose architecture and width are those of `info`, from a
// safetensors or .pth file of Osteon, torchvision or another program.
//
// In a .pth file the state dict may be in any dictionary, and in each file the names may have a
// common text before them (nn/name_match.h): the tensors are found by the model's names. If the
// file contains them several times, as `state_dict` and `state_dict_ema`, those are taken whose
// names are not of an average and are contained in the others.
//
// A head that is missing or of another shape keeps its initialisation. The layers may have the
// names of another origin (Architecture::other_names). The returned mean and std are the file's,
// or, if the file has no metadata of Osteon, those of the architecture's published weights. Throws
// Error naming the file if it has another architecture or width, contains the weights several times
// without a preferred one, or if a weight is not finite.
InitialWeights initialise_from(Module& model, const ModelInfo& info,
                               const std::filesystem::path& file);

}  // namespace osteon
