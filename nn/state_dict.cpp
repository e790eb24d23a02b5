// Compares the contents of a file with the model, then copies.
#include "nn/state_dict.h"

#include <algorithm>
#include <map>

#include "nn/name_match.h"
#include "ops/ops.h"
#include "tensor/matching.h"

namespace osteon {
namespace {

using TensorsByName = std::map<std::string, Tensor>;

Shape file_shape(const Tensor& x) {
  if (x.rank() != 4) return x.shape();
  return {x.dim(0), x.dim(3), x.dim(1), x.dim(2)};
}

// Whether the file has every tensor of the head with the right shape.
bool head_fits(const NamedTensorList& wanted, const TensorsByName& given, const std::string& head) {
  return std::ranges::all_of(wanted, [&](const auto& entry) {
    const auto found = given.find(entry.first);
    return !is_below(entry.first, head) ||
           (found != given.end() && found->second.shape() == file_shape(entry.second));
  });
}

void check_match(const NamedTensorList& wanted, const TensorsByName& given) {
  std::map<std::string, Shape> expected;
  for (const auto& [name, tensor] : wanted)
    if (!is_batch_counter(name) || given.contains(name)) expected[name] = file_shape(tensor);
  require_same_tensors("load_state_dict: the weights belong to another model", expected, given);
}

}  // namespace

Tensor to_file_layout(const Tensor& x) {
  const NoGrad no_grad;
  return x.rank() == 4 ? permute(x, {0, 3, 1, 2}) : x;
}

Tensor from_file_layout(const Tensor& x) {
  const NoGrad no_grad;
  return x.rank() == 4 ? permute(x, {0, 2, 3, 1}) : x;
}

NamedTensors state_dict(const Module& module) {
  NamedTensors state;
  for (const auto& [name, tensor] : module.named_state()) {
    Tensor copy(tensor.shape(), is_floating(tensor.dtype()) ? DType::f32 : tensor.dtype());
    copy_(copy, tensor);
    state.tensors.emplace_back(name, to_file_layout(copy));
  }
  return state;
}

std::vector<std::string> load_state_dict(Module& module, const NamedTensors& state,
                                         const std::string& head) {
  NamedTensorList wanted = module.named_state();
  TensorsByName given(state.tensors.begin(), state.tensors.end());
  std::vector<std::string> left;
  if (!head_fits(wanted, given, head)) {
    const auto take = [&](const auto& entry) { return is_below(entry.first, head); };
    for (const auto& entry : wanted)
      if (take(entry)) left.push_back(entry.first);
    std::erase_if(wanted, take);
    std::erase_if(given, take);
  }
  check_match(wanted, given);
  for (const auto& [name, tensor] : wanted) {
    const auto found = given.find(name);
    if (found == given.end())
      fill_(tensor, 0);
    else
      copy_(tensor, from_file_layout(found->second));
  }
  return left;
}

}  // namespace osteon
