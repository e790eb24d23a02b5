// Reads weights that PyTorch saved (`torch.save(model.state_dict(), "model.pth")`), without Python
// and without running code from the file.
//
// The file is a zip archive with one pickle, data.pkl, and one entry per storage with its elements.
// A pickle is a program for a small stack machine and may call any function that it names. This
// reader implements only the instructions and the few functions that state dicts need; it refuses
// all others and names them.
//
// Source: https://github.com/python/cpython/blob/main/Lib/pickletools.py (the instructions),
// https://pytorch.org/docs/stable/notes/serialization.html (the archive).
#pragma once

#include <filesystem>

#include "tensor/safetensors.h"

namespace osteon {

// The tensors of a state dict in its order; in a checkpoint, of the state dict under the key
// `state_dict` or `model`. f64, f32, bf16, i64 and u8 keep their dtype; f16 is widened to f32.
// Tensors that share a storage in the file share memory here.
//
// Throws Error naming the file and the fault: the format from before PyTorch 1.6, which is not a
// zip archive; an instruction, function or dtype that is not allowed; a tensor outside its storage;
// an entry that is compressed, damaged or missing; a pickle of more than 4 MB. Memory stays below
// four times the file's size plus some hundred MB.
NamedTensors read_torch_pickle(const std::filesystem::path& path);

// Whether the file begins like a zip archive or a pickle. No safetensors file can begin so.
bool looks_like_torch_pickle(const std::filesystem::path& path);

}  // namespace osteon
