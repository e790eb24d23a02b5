// Named tensors in a file, in the safetensors format, which other frameworks also read and write:
// eight bytes of header length (little-endian), a JSON header with dtype, shape and offsets of each
// tensor and a map of strings, then the elements, row-major, little-endian, without gaps.
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

// The tensors of a file in the order of its header. F64, F32, BF16, I64 and U8 tensors view the
// mapped file, each with its own storage: nothing is copied, pages are read at the first access,
// and a change in place never reaches the file. F16 is converted to f32. Unaligned tensors (from
// other writers) are copied.
//
// Throws Error naming the file and the tensor if the file violates the format: a header longer than
// the file or than 100 MB, invalid JSON or JSON of another structure, a duplicate name, an unknown
// dtype, a shape that does not match its number of bytes, bytes outside the file, used twice or
// used by no tensor.
NamedTensors read_safetensors(const std::filesystem::path& path);

// Writes such a file atomically (base/file.h). Tensors of eight-byte elements come first, then
// four, two and one, each in the given order, so that every tensor is aligned. Throws Error naming
// the file if a name is empty, duplicate, reserved ("__metadata__") or not UTF-8, or if a tensor is
// undefined or not on the CPU.
void write_safetensors(const std::filesystem::path& path, const NamedTensors& contents);

}  // namespace osteon
