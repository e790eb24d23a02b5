// Turns the archive and the result of its pickle into named tensors.
#include "interop/torch_pickle.h"

#include <zip.h>

#include <array>
#include <cstring>
#include <fstream>
#include <map>
#include <memory>
#include <set>

#include "base/error.h"
#include "interop/pickle_machine.h"
#include "tensor/half.h"

namespace osteon {
namespace {

namespace fs = std::filesystem;
using Kind = PickleObject::Kind;

constexpr zip_uint64_t kMaxPickleBytes = 4'000'000;
constexpr std::uint64_t kMaxCopyRatio = 2;  // bytes of copied tensors per byte of the file

struct StorageType {
  std::string_view name;
  DType dtype;  // of the tensor in memory
  std::uint64_t bytes;
};
constexpr std::array<StorageType, 6> kStorageTypes = {{{"torch FloatStorage", DType::f32, 4},
                                                       {"torch DoubleStorage", DType::f64, 8},
                                                       {"torch HalfStorage", DType::f32, 2},
                                                       {"torch BFloat16Storage", DType::bf16, 2},
                                                       {"torch LongStorage", DType::i64, 8},
                                                       {"torch ByteStorage", DType::u8, 1}}};

const StorageType& storage_type(std::string_view name) {
  for (const StorageType& type : kStorageTypes)
    if (type.name == name) return type;
  throw Error(format("elements of type ", name.substr(0, 60),
                     "; known are Float, Double, Half, BFloat16, Long and Byte"));
}

// The zip archive. Entries are read completely, and only if they are stored without compression.
class Archive {
 public:
  explicit Archive(const fs::path& path) : file_bytes_(fs::file_size(path)) {
    int error = 0;
    zip_.reset(::zip_open(path.c_str(), ZIP_RDONLY | ZIP_CHECKCONS, &error));
    if (zip_ == nullptr) {
      zip_error_t reason;
      ::zip_error_init_with_code(&reason, error);
      const std::string text = ::zip_error_strerror(&reason);
      ::zip_error_fini(&reason);
      throw Error(format("it is not a complete zip archive: ", text));
    }
    find_folder();
  }

  std::uint64_t file_bytes() const { return file_bytes_; }
  bool contains(const std::string& name) const {
    return ::zip_name_locate(zip_.get(), (folder_ + name).c_str(), 0) >= 0;
  }

  std::shared_ptr<Storage> read(const std::string& name, zip_uint64_t limit) const {
    zip_stat_t status;
    OSTEON_CHECK(::zip_stat(zip_.get(), (folder_ + name).c_str(), 0, &status) == 0, "the entry ",
                 name, " is missing");
    OSTEON_CHECK((status.valid & ZIP_STAT_SIZE) && (status.valid & ZIP_STAT_COMP_METHOD) &&
                     status.comp_method == ZIP_CM_STORE && status.encryption_method == ZIP_EM_NONE,
                 "the entry ", name, " is compressed or encrypted; PyTorch writes neither");
    OSTEON_CHECK(status.size <= limit, "the entry ", name, " has ", status.size, " bytes; at most ",
                 limit, " are possible");
    auto storage = std::make_shared<Storage>(status.size, Device::cpu());
    const std::unique_ptr<zip_file_t, int (*)(zip_file_t*)> entry(
        ::zip_fopen_index(zip_.get(), status.index, 0), ::zip_fclose);
    OSTEON_CHECK(entry != nullptr, "the entry ", name, ": ", ::zip_strerror(zip_.get()));
    // Reads one byte past the end, so that libzip reaches the end and compares the checksum.
    zip_uint64_t done = 0;
    char beyond = 0;
    while (done < status.size) {
      const zip_int64_t got = ::zip_fread(entry.get(), storage->data() + done, status.size - done);
      OSTEON_CHECK(got > 0, "the entry ", name, " is damaged: ", ::zip_file_strerror(entry.get()));
      done += static_cast<zip_uint64_t>(got);
    }
    OSTEON_CHECK(::zip_fread(entry.get(), &beyond, 1) == 0, "the entry ", name,
                 " is damaged: ", ::zip_file_strerror(entry.get()));
    return storage;
  }

 private:
  // All entries lie in one folder, named after the file when it was saved.
  void find_folder() {
    const std::string wanted = "data.pkl";
    int found = 0;
    for (zip_int64_t i = 0; i < ::zip_get_num_entries(zip_.get(), 0); ++i) {
      const char* const raw =
          ::zip_get_name(zip_.get(), static_cast<zip_uint64_t>(i), ZIP_FL_ENC_RAW);
      const std::string name = raw == nullptr ? "" : raw;
      if (name != wanted && !name.ends_with("/" + wanted)) continue;
      folder_ = name.substr(0, name.size() - wanted.size());
      ++found;
    }
    OSTEON_CHECK(found == 1, "the archive has ", found, " files data.pkl; it needs one");
  }

  std::uint64_t file_bytes_;
  std::unique_ptr<zip_t, void (*)(zip_t*)> zip_{nullptr, ::zip_discard};
  std::string folder_;
};

class StateDictReader {
 public:
  explicit StateDictReader(const Archive& archive) : archive_(archive) {}

  NamedTensors read(const PickleObject& root) {
    NamedTensors result;
    std::set<std::string_view> names;
    for (const auto& [key, value] : state_dict_of(root).entries) {
      OSTEON_CHECK(key->kind == Kind::text, "a key of the state dict is not a name");
      if (value->kind == Kind::dict) continue;  // extra state of a module
      OSTEON_CHECK(value->kind == Kind::tensor, key->text.substr(0, 200), " is not a tensor");
      OSTEON_CHECK(names.insert(key->text).second, key->text.substr(0, 200), " occurs twice");
      try {
        result.tensors.emplace_back(std::string(key->text), tensor(*value));
      } catch (const Error& error) {
        throw Error(format("tensor ", key->text.substr(0, 200), ": ", error.what()));
      }
    }
    OSTEON_CHECK(!result.tensors.empty(), "the state dict is empty");
    return result;
  }

 private:
  static const PickleObject& state_dict_of(const PickleObject& root) {
    OSTEON_CHECK(root.kind == Kind::dict,
                 "it does not contain a state dict; save model.state_dict()");
    for (const std::string_view name : {"state_dict", "model"})
      for (const auto& [key, value] : root.entries)
        if (key->kind == Kind::text && key->text == name && value->kind == Kind::dict)
          return *value;
    return root;
  }

  struct Elements {
    std::shared_ptr<Storage> storage;
    const StorageType* type;
  };

  // ('storage', type, key, location, number of elements)
  const Elements& elements(const PickleObject& id) {
    const auto& items = id.items;
    OSTEON_CHECK(items[0]->kind == Kind::text && items[0]->text == "storage" &&
                     items[1]->kind == Kind::global && items[2]->kind == Kind::text &&
                     items[4]->kind == Kind::integer,
                 "its storage has an invalid description");
    const std::string key(items[2]->text);
    const StorageType& type = storage_type(items[1]->text);
    const auto found = storages_.find(key);
    if (found == storages_.end())
      return storages_[key] = {archive_.read("data/" + key, archive_.file_bytes()), &type};
    OSTEON_CHECK(found->second.type == &type, "its storage has two types");
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

  Tensor tensor(const PickleObject& object) {
    const Elements& from = elements(*object.items[0]);
    const std::vector<std::int64_t> extents = integers(*object.items[1]),
                                    strides = integers(*object.items[2]);
    OSTEON_CHECK(extents.size() == strides.size() && extents.size() <= 64,
                 "its size and stride do not match");
    const Shape shape(extents);
    const auto available = static_cast<std::int64_t>(from.storage->bytes() / from.type->bytes);
    OSTEON_CHECK(object.integer >= 0 && object.integer <= available && shape.numel() <= available,
                 "it has ", shape.numel(), " elements, but its storage has ", available);
    if (shape.numel() > 0) check_inside(extents, strides, available - object.integer);
    if (is_dense(extents, strides) && from.type->bytes == size_of(from.type->dtype))
      return Tensor(from.storage, object.integer, shape, from.type->dtype);
    return gathered(from, object.integer, shape, strides);
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
    Tensor result = make(shape, from.type->dtype);
    std::vector<std::int64_t> index(strides.size());
    const std::byte* const data = from.storage->data();
    for (std::int64_t i = 0; i < result.numel(); ++i) {
      std::int64_t place = offset;
      for (std::size_t d = 0; d < index.size(); ++d) place += index[d] * strides[d];
      copy_element(*from.type, data + static_cast<std::uint64_t>(place) * from.type->bytes, result,
                   i);
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
    OSTEON_CHECK(copied_ <= kMaxCopyRatio * archive_.file_bytes() + 1'000'000,
                 "the file's tensors take much more memory than the file has bytes");
    return Tensor(shape, dtype);
  }

  static void copy_element(const StorageType& type, const std::byte* from, const Tensor& to,
                           std::int64_t i) {
    if (type.bytes == size_of(type.dtype)) {
      std::memcpy(to.raw() + static_cast<std::uint64_t>(i) * type.bytes, from, type.bytes);
    } else {
      std::uint16_t half = 0;
      std::memcpy(&half, from, 2);
      to.data<float>()[i] = half_to_float(half);
    }
  }

  const Archive& archive_;
  std::map<std::string, Elements> storages_;
  std::uint64_t copied_ = 0;
};

std::array<char, 4> first_bytes(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  std::array<char, 4> bytes{};
  file.read(bytes.data(), bytes.size());
  return bytes;
}

bool begins_as_pickle(const std::array<char, 4>& bytes) { return bytes[0] == '\x80'; }
bool begins_as_zip(const std::array<char, 4>& bytes) {
  return bytes == std::array{'P', 'K', '\3', '\4'};
}

}  // namespace

bool looks_like_torch_pickle(const fs::path& path) {
  // Read as safetensors files, these beginnings would mean headers of 67 and 176 MB.
  const std::array<char, 4> bytes = first_bytes(path);
  return begins_as_zip(bytes) || (begins_as_pickle(bytes) && (bytes[1] == 2 || bytes[1] == 3) &&
                                  bytes[2] == '\x8a' && bytes[3] == '\n');
}

NamedTensors read_torch_pickle(const fs::path& path) {
  try {
    OSTEON_CHECK(fs::is_regular_file(path), "it is not a regular file");
    const std::array<char, 4> bytes = first_bytes(path);
    OSTEON_CHECK(
        !begins_as_pickle(bytes),
        "it has the legacy format from before PyTorch 1.6, a bare pickle; load it in PyTorch "
        "and save it again");
    OSTEON_CHECK(begins_as_zip(bytes), "it is not a zip archive");
    const Archive archive(path);
    if (archive.contains("byteorder")) {
      const auto order = archive.read("byteorder", 100);
      OSTEON_CHECK(std::string_view(reinterpret_cast<const char*>(order->data()), order->bytes()) ==
                       "little",
                   "its numbers are not little-endian");
    }
    const auto pickle = archive.read("data.pkl", kMaxPickleBytes);
    PickleMachine machine;
    const PickleObject& root =
        machine.run({reinterpret_cast<const char*>(pickle->data()), pickle->bytes()});
    return StateDictReader(archive).read(root);
  } catch (const std::exception& error) {
    throw Error(format("cannot read ", path.string(), ": ", error.what()));
  }
}

}  // namespace osteon
