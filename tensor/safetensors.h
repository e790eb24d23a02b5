// Named tensors in a file, in the safetensors format, which other frameworks read and write: eight
// bytes of header length (little-endian), a JSON header with dtype, shape and place of each tensor
// and a map of texts, then the elements, row-major, little-endian, without gaps.
//
// Source: the format's description, https://github.com/huggingface/safetensors#format
#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "tensor/tensor.h"

namespace osteon {

struct NamedTensors {
  std::vector<std::pair<std::string, Tensor>> tensors;
  std::map<std::string, std::string> metadata;
};

// The tensors of a file in the order of its header. F64, F32, BF16, I64 and U8 look into the mapped
// file, each through a storage of its own: nothing is copied, pages are read when they are first
// touched, and a change in place never reaches the file. F16 is widened to f32, and what a foreign
// writer left unaligned is copied.
//
// Throws Error naming the file and the tensor if anything is not as the format demands: a header
// longer than the file or than 100 MB, JSON that is broken or of another form, a name twice, an
// unknown dtype, a shape that does not fit the bytes given to it, bytes outside the file, used
// twice or by no tensor.
NamedTensors read_safetensors(const std::filesystem::path& path);

// Writes such a file, whole or not at all (base/file.h). Elements of eight bytes come first, then
// of four, two, one, each in the order given, so that every tensor is aligned. Throws Error naming
// the file if a name is empty, given twice, reserved ("__metadata__") or not UTF-8, or a tensor is
// undefined or not on the CPU.
void write_safetensors(const std::filesystem::path& path, const NamedTensors& contents);

}  // namespace osteon
