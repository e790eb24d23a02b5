// Reads weights that PyTorch saved (`torch.save(model.state_dict(), "model.pth")`), without Python
// and without running code from the file.
//
// A pickle is a program for a small stack machine and may call any function that it names. This
// reader implements only the instructions and the few functions that state dicts need, with the
// numbers, texts and plain containers beside them; it refuses all others and names them.
//
// Source: https://github.com/python/cpython/blob/main/Lib/pickletools.py (the instructions);
// interop/torch_container.h has the forms of the file.
#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "tensor/safetensors.h"

namespace osteon {

// A file of torch.save with pickle protocol 2 to 5: a zip archive, or the legacy form from before
// PyTorch 1.6. Elements are read only for the tensors that are asked for.
class TorchFile {
 public:
  // A dictionary that contains tensors; other values in it are ignored.
  struct Dict {
    std::string
        place;  // the keys that lead to it, as "model.state"; empty: it is the file's object
    std::vector<std::string_view> names;  // of its tensors, valid as long as the file
  };

  // Throws Error naming the file and the fault: an instruction or function that is not allowed; a
  // big-endian file; an entry that is compressed, damaged or missing; a pickle of more than 4 MB; a
  // truncated file; no dictionary of tensors, or more than 1,000; a name of more than 1,000 bytes.
  explicit TorchFile(const std::filesystem::path& path);
  ~TorchFile();
  TorchFile(const TorchFile&) = delete;
  TorchFile& operator=(const TorchFile&) = delete;

  // In the order of the file, containers before their contents.
  const std::vector<Dict>& dicts() const { return dicts_; }

  // The tensors of dicts()[dict] whose names are wanted, in its order. f64, f32, bf16, i64 and u8
  // keep their dtype; f16 is widened to f32. Tensors that share a storage in the file share memory
  // here. Throws Error naming the file and the tensor: another dtype; a tensor outside its storage;
  // a name that occurs twice. Memory stays below four times the file's size plus some hundred MB.
  using Wanted = std::function<bool(std::string_view name)>;
  NamedTensors read(
      std::size_t dict, const Wanted& wanted = [](std::string_view) { return true; }) const;

 private:
  struct Contents;
  std::unique_ptr<Contents> contents_;
  std::vector<Dict> dicts_;
};

// Whether the file begins like one of torch.save. A safetensors file begins like this only with a
// header of more than 67 MB.
bool looks_like_torch_file(const std::filesystem::path& path);

}  // namespace osteon
