// Weights that PyTorch saved (`torch.save(model.state_dict(), "model.pth")`), read without Python
// and without running anything.
//
// Such a file is a zip archive with one pickle, data.pkl, and the elements of each storage as an
// entry of their own. A pickle is a program for a small stack machine that may name any function to
// be called; this reader has that machine with the instructions and the few functions that state
// dicts need, and refuses all others by name.
//
// Source: https://github.com/python/cpython/blob/main/Lib/pickletools.py (the instructions),
// https://pytorch.org/docs/stable/notes/serialization.html (the archive).
#pragma once

#include <filesystem>

#include "tensor/safetensors.h"

namespace osteon {

// The tensors of a state dict in its order, or of the one a checkpoint holds as `state_dict` or
// `model`. f64, f32, bf16, i64 and u8 are as they are, f16 is widened to f32. Tensors that share a
// storage in the file share memory here.
//
// Throws Error naming the file, and what in it, for the form from before PyTorch 1.6 that is not a
// zip archive, for an instruction, function or dtype that is not on the list, a tensor outside its
// storage, an entry that is compressed, damaged or missing, and a pickle of more than 4 MB. Memory
// stays below four times the file's size and some hundred MB.
NamedTensors read_torch_pickle(const std::filesystem::path& path);

// Whether the file begins as a zip archive or a pickle does: as no safetensors file can.
bool looks_like_torch_pickle(const std::filesystem::path& path);

}  // namespace osteon
