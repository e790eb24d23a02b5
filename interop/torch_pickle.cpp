// Finds the dictionaries in a file's object, and makes tensors of their descriptions.
#include "interop/torch_pickle.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <fstream>
#include <map>
#include <optional>
#include <set>

#include "base/error.h"
#include "interop/torch_container.h"
#include "tensor/half.h"

namespace osteon {
namespace {

namespace fs = std::filesystem;
using Kind = PickleObject::Kind;

constexpr std::uint64_t kMaxCopyRatio = 2;  // bytes of copied tensors per byte of the file

// Limits of the search for dictionaries: containers within each other, bytes of a key,
// dictionaries.
constexpr int kMaxDepth = 8;
constexpr std::size_t kMaxKeyBytes = 100;
constexpr std::size_t kMaxDicts = 1000;
constexpr std::size_t kMaxNameBytes = 1000;  // of a tensor

struct Elements {
  std::shared_ptr<Storage> storage;
  const StorageType* type;
  DType dtype;  // of the tensors
};

// Makes the tensors that a pickle describes.
class TensorReader {
 public:
  explicit TensorReader(TorchContainer& file) : file_(file) {}

  Tensor tensor(const PickleObject& object) {
    const StorageId id = storage_id(*object.items[0]);
    const Elements& from = elements(id);
    const std::vector<std::int64_t> extents = integers(*object.items[1]),
                                    strides = integers(*object.items[2]);
    OSTEON_CHECK(extents.size() == strides.size() && extents.size() <= 64,
                 "its size and stride do not match");
    const Shape shape(extents);
    const auto stored = static_cast<std::int64_t>(from.storage->bytes() / from.type->bytes);
    const std::int64_t available = std::max<std::int64_t>(std::min(id.end, stored) - id.begin, 0);
    OSTEON_CHECK(object.integer >= 0 && object.integer <= available && shape.numel() <= available,
                 "it has ", shape.numel(), " elements, but its storage has ", available);
    if (shape.numel() > 0) check_inside(extents, strides, available - object.integer);
    const std::int64_t begin = id.begin + object.integer;
    if (is_dense(extents, strides) && from.type->bytes == size_of(from.dtype))
      return Tensor(from.storage, begin, shape, from.dtype);
    return gathered(from, begin, shape, strides);
  }

 private:
  const Elements& elements(const StorageId& id) {
    const std::optional<DType> dtype = id.type->dtype;
    if (!dtype)
      throw Error(format("elements of type ", id.type->name,
                         "; known are Float, Double, Half, BFloat16, Long and Byte"));
    const auto found = storages_.find(id.key);
    if (found == storages_.end()) return storages_[id.key] = {file_.elements(id), id.type, *dtype};
    OSTEON_CHECK(found->second.type == id.type, "its storage has two types");
    return found->second;
  }

  static std::vector<std::int64_t> integers(const PickleObject& tuple) {
    std::vector<std::int64_t> numbers;
    for (const PickleObject* item : tuple.items) {
      OSTEON_CHECK(item->kind == Kind::integer && item->integer >= 0,
                   "an extent or stride is not a valid number");
      numbers.push_back(item->integer);
    }
    return numbers;
  }

  static void check_inside(const std::vector<std::int64_t>& extents,
                           const std::vector<std::int64_t>& strides, std::int64_t room) {
    std::int64_t last = 0;
    for (std::size_t i = 0; i < extents.size(); ++i) {
      std::int64_t way = 0;
      OSTEON_CHECK(!__builtin_mul_overflow(extents[i] - 1, strides[i], &way) &&
                       !__builtin_add_overflow(last, way, &last) && last < room,
                   "it lies outside its storage");
    }
    OSTEON_CHECK(last < room, "it lies outside its storage");
  }

  static bool is_dense(const std::vector<std::int64_t>& extents,
                       const std::vector<std::int64_t>& strides) {
    std::int64_t expected = 1;
    for (std::size_t i = extents.size(); i-- > 0;) {
      if (extents[i] != 1 && strides[i] != expected) return false;
      expected *= extents[i];
    }
    return true;
  }

  // A row-major copy of a tensor in another layout (channels last) or of a dtype that must be
  // widened.
  Tensor gathered(const Elements& from, std::int64_t offset, const Shape& shape,
                  const std::vector<std::int64_t>& strides) {
    Tensor result = make(shape, from.dtype);
    std::vector<std::int64_t> index(strides.size());
    const std::byte* const data = from.storage->data();
    for (std::int64_t i = 0; i < result.numel(); ++i) {
      std::int64_t place = offset;
      for (std::size_t d = 0; d < index.size(); ++d) place += index[d] * strides[d];
      copy_element(from, data + static_cast<std::uint64_t>(place) * from.type->bytes, result, i);
      for (std::size_t d = index.size(); d-- > 0;) {
        if (++index[d] < shape[static_cast<std::int64_t>(d)]) break;
        index[d] = 0;
      }
    }
    return result;
  }

  // Many tensors may share one storage, so the bytes of copies have their own limit.
  Tensor make(const Shape& shape, DType dtype) {
    copied_ += static_cast<std::uint64_t>(shape.numel()) * size_of(dtype);
    OSTEON_CHECK(copied_ <= kMaxCopyRatio * file_.file_bytes() + 1'000'000,
                 "the copied tensors of this file need more than twice the size of the file");
    return Tensor(shape, dtype);
  }

  static void copy_element(const Elements& elements, const std::byte* from, const Tensor& to,
                           std::int64_t i) {
    const std::uint64_t bytes = elements.type->bytes;
    if (bytes == size_of(elements.dtype)) {
      std::memcpy(to.raw() + static_cast<std::uint64_t>(i) * bytes, from, bytes);
    } else {
      std::uint16_t half = 0;
      std::memcpy(&half, from, 2);
      to.data<float>()[i] = half_to_float(half);
    }
  }

  TorchContainer& file_;
  std::map<std::string, Elements> storages_;
  std::uint64_t copied_ = 0;
};

// The dictionaries with tensors, in the order of the file.
class DictFinder {
 public:
  struct Found {
    TorchFile::Dict dict;
    const PickleObject* object;
  };

  void search(const PickleObject& object, const std::string& place = "", int depth = 0) {
    if (depth > kMaxDepth || !visited_.insert(&object).second) return;
    if (object.kind == Kind::dict) add(object, place);
    for (const auto& [key, value] : object.entries)
      if (is_container(*value) && key->kind == Kind::text && key->text.size() <= kMaxKeyBytes)
        search(*value, format(place, place.empty() ? "" : ".", key->text), depth + 1);
    for (std::size_t i = 0; i < object.items.size(); ++i)
      if (is_container(*object.items[i]))
        search(*object.items[i], format(place, '[', i, ']'), depth + 1);
  }

  std::vector<Found> found;

 private:
  static bool is_container(const PickleObject& object) {
    const bool has_items = object.kind == Kind::list || object.kind == Kind::tuple;
    return (has_items && !object.items.empty()) || !object.entries.empty();
  }

  void add(const PickleObject& object, const std::string& place) {
    Found line{{place, {}}, &object};
    for (const auto& [key, value] : object.entries)
      if (key->kind == Kind::text && value->kind == Kind::tensor) {
        OSTEON_CHECK(key->text.size() <= kMaxNameBytes, "the name of a tensor has ",
                     key->text.size(), " bytes; at most ", kMaxNameBytes, " are possible");
        line.dict.names.push_back(key->text);
      }
    if (line.dict.names.empty()) return;
    OSTEON_CHECK(found.size() < kMaxDicts, "it has more than ", kMaxDicts,
                 " dictionaries of tensors");
    found.push_back(std::move(line));
  }

  std::set<const PickleObject*> visited_;
};

using FirstBytes = std::array<unsigned char, 4>;

FirstBytes first_bytes(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  FirstBytes bytes{};
  file.read(reinterpret_cast<char*>(bytes.data()), bytes.size());
  return bytes;
}

// The beginning of the magic number's pickle: its protocol, then a frame (from protocol 4 on) or
// the number.
bool begins_as_pickle(const FirstBytes& bytes) {
  return bytes[0] == 0x80 && ((bytes[1] <= 3 && bytes[2] == 0x8a && bytes[3] == 10) ||
                              (bytes[1] >= 4 && bytes[1] <= 5 && bytes[2] == 0x95));
}
bool begins_as_zip(const FirstBytes& bytes) { return bytes == FirstBytes{'P', 'K', 3, 4}; }

std::unique_ptr<TorchContainer> open(const fs::path& path) {
  OSTEON_CHECK(fs::is_regular_file(path), "it is not a regular file");
  const FirstBytes bytes = first_bytes(path);
  if (begins_as_zip(bytes)) return open_torch_archive(path);
  OSTEON_CHECK(begins_as_pickle(bytes), "it is not a file of torch.save");
  return open_torch_legacy(path);
}

// Runs `body` and puts the file's name before the message of an error.
template <class Body>
auto naming(const fs::path& path, const Body& body) {
  try {
    return body();
  } catch (const std::exception& error) {
    throw Error(format("cannot read ", path.string(), ": ", error.what()));
  }
}

}  // namespace

struct TorchFile::Contents {
  fs::path path;
  std::unique_ptr<TorchContainer> container;
  std::vector<const PickleObject*> objects;  // of the dictionaries
};

TorchFile::TorchFile(const fs::path& path)
    : contents_(std::make_unique<Contents>(Contents{path, nullptr, {}})) {
  naming(path, [&] {
    contents_->container = open(path);
    DictFinder finder;
    finder.search(contents_->container->root());
    for (DictFinder::Found& line : finder.found) {
      dicts_.push_back(std::move(line.dict));
      contents_->objects.push_back(line.object);
    }
    OSTEON_CHECK(!dicts_.empty(),
                 "it contains no dictionary of tensors; save the state dict: "
                 "torch.save(model.state_dict(), \"weights.pth\")");
  });
}

TorchFile::~TorchFile() = default;

NamedTensors TorchFile::read(std::size_t dict, const Wanted& wanted) const {
  return naming(contents_->path, [&] {
    NamedTensors result;
    std::set<std::string_view> names;
    TensorReader reader(*contents_->container);
    for (const auto& [key, value] : contents_->objects[dict]->entries) {
      if (key->kind != Kind::text || value->kind != Kind::tensor || !wanted(key->text)) continue;
      OSTEON_CHECK(names.insert(key->text).second, key->text.substr(0, 200), " occurs twice");
      try {
        result.tensors.emplace_back(std::string(key->text), reader.tensor(*value));
      } catch (const Error& error) {
        throw Error(format("tensor ", key->text.substr(0, 200), ": ", error.what()));
      }
    }
    return result;
  });
}

bool looks_like_torch_file(const fs::path& path) {
  // As the start of a safetensors file, these bytes would mean a header of 67 MB (zip), or of 176
  // MB or more (pickles).
  const FirstBytes bytes = first_bytes(path);
  return begins_as_zip(bytes) || begins_as_pickle(bytes);
}

}  // namespace osteon
