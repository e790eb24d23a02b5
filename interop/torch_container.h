// The two forms of a file of torch.save: a zip archive, and the legacy form from before PyTorch
// 1.6. Both hold the pickle of one object, and the elements of the storages that it describes.
//
// Source: https://pytorch.org/docs/stable/notes/serialization.html (the archive),
// https://github.com/pytorch/pytorch/blob/main/torch/serialization.py, _legacy_save (the other).
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "interop/pickle_machine.h"
#include "tensor/dtype.h"
#include "tensor/storage.h"

namespace osteon {

struct StorageType {
  std::string_view name;         // as a pickle names it
  std::uint64_t bytes;           // of one element
  std::optional<DType> dtype{};  // of a tensor in memory; nullopt: none is read
};

// Throws Error naming the type if it is unknown.
const StorageType& storage_type(std::string_view name);

// The parts of the persistent id by which a pickle describes a storage.
struct StorageId {
  const StorageType* type;
  std::string key;
  std::int64_t numel;
  // The part of it that is meant, of which only very old files make use; else all.
  std::int64_t begin, end;
};
StorageId storage_id(const PickleObject& storage);

class TorchContainer {
 public:
  virtual ~TorchContainer() = default;

  virtual const PickleObject& root() const = 0;
  virtual std::uint64_t file_bytes() const = 0;

  // The elements of a storage. Throws Error if they are missing, damaged or of another number.
  virtual std::shared_ptr<Storage> elements(const StorageId& id) = 0;
};

// Read the file's object at once, elements when they are asked for. Throw Error if the file has
// another form, is truncated or damaged, or has big-endian numbers.
std::unique_ptr<TorchContainer> open_torch_archive(const std::filesystem::path& path);
std::unique_ptr<TorchContainer> open_torch_legacy(const std::filesystem::path& path);

}  // namespace osteon
