// The legacy form: five pickles (a magic number, a version, a description of the machine, the
// object, the keys of its storages), then for each key the number of elements and the elements.
#include <cstring>
#include <map>

#include "base/error.h"
#include "base/mapped_file.h"
#include "interop/torch_container.h"

namespace osteon {
namespace {

using Kind = PickleObject::Kind;

constexpr std::string_view kMagicNumber = "\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19";
constexpr std::int64_t kVersion = 1001;

class Legacy : public TorchContainer {
 public:
  explicit Legacy(const std::filesystem::path& path) : file_(path) {
    PickleMachine magic, version, system, keys;
    const PickleObject& number = run(magic);
    OSTEON_CHECK(number.kind == Kind::other && number.text == kMagicNumber,
                 "it is a pickle, but not one of torch.save");
    const PickleObject& known = run(version);
    OSTEON_CHECK(known.kind == Kind::integer && known.integer == kVersion, "its version is not ",
                 kVersion);
    check_byte_order(run(system));
    root_ = &run(object_);
    find_elements(run(keys));
  }

  const PickleObject& root() const override { return *root_; }
  std::uint64_t file_bytes() const override { return file_.size(); }

  std::shared_ptr<Storage> elements(const StorageId& id) override {
    const auto found = regions_.find(id.key);
    OSTEON_CHECK(found != regions_.end(), "the storage ", id.key, " is missing");
    // A copy, because the elements are not aligned in the file.
    auto storage = std::make_shared<Storage>(found->second.bytes, Device::cpu());
    if (storage->bytes() > 0)
      std::memcpy(storage->data(), file_.data() + found->second.begin, storage->bytes());
    return storage;
  }

 private:
  struct Region {
    std::size_t begin, bytes;
  };

  std::string_view rest() const {
    return {reinterpret_cast<const char*>(file_.data()) + place_, file_.size() - place_};
  }

  const PickleObject& run(PickleMachine& machine) {
    const PickleObject& object = machine.run(rest());
    place_ += machine.size();
    return object;
  }

  static void check_byte_order(const PickleObject& system) {
    for (const auto& [key, value] : system.entries)
      if (key->text == "little_endian")
        OSTEON_CHECK(value->kind == Kind::boolean && value->integer == 1,
                     "its numbers are not little-endian");
  }

  // Each storage must have the type and size that the object gave to it.
  void find_elements(const PickleObject& keys) {
    std::map<std::string, StorageId, std::less<>> described;
    for (const PickleObject* storage : object_.storages()) {
      const StorageId id = storage_id(*storage);
      const StorageId& first = described.try_emplace(id.key, id).first->second;
      OSTEON_CHECK(first.type == id.type && first.numel == id.numel, "the storage ", id.key,
                   " has two descriptions");
    }
    OSTEON_CHECK(keys.kind == Kind::list, "it has no list of storages");
    for (const PickleObject* key : keys.items) {
      const auto id = described.find(key->text);
      OSTEON_CHECK(id != described.end() && !regions_.contains(id->first), "the storage ",
                   key->text.substr(0, 100), " has no description, or occurs twice");
      regions_[id->first] = take_elements(id->second);
    }
  }

  Region take_elements(const StorageId& id) {
    std::int64_t numel = 0;
    OSTEON_CHECK(rest().size() >= sizeof numel, "it ends before the storage ", id.key);
    std::memcpy(&numel, rest().data(), sizeof numel);
    place_ += sizeof numel;
    OSTEON_CHECK(numel == id.numel, "the storage ", id.key, " has ", numel,
                 " elements, but is described with ", id.numel);
    OSTEON_CHECK(static_cast<std::uint64_t>(numel) <= rest().size() / id.type->bytes,
                 "it ends in the middle of the storage ", id.key);
    const Region region{place_, static_cast<std::size_t>(numel) * id.type->bytes};
    place_ += region.bytes;
    return region;
  }

  MappedFile file_;
  std::size_t place_ = 0;
  PickleMachine object_;
  const PickleObject* root_ = nullptr;
  std::map<std::string, Region> regions_;
};

}  // namespace

std::unique_ptr<TorchContainer> open_torch_legacy(const std::filesystem::path& path) {
  return std::make_unique<Legacy>(path);
}

}  // namespace osteon
