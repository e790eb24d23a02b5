// The parts that both forms share: the descriptions of storages.
#include "interop/torch_container.h"

#include <array>

#include "base/error.h"

namespace osteon {
namespace {

using Kind = PickleObject::Kind;

constexpr std::array<StorageType, 12> kStorageTypes = {{{"torch FloatStorage", 4, DType::f32},
                                                        {"torch DoubleStorage", 8, DType::f64},
                                                        {"torch HalfStorage", 2, DType::f32},
                                                        {"torch BFloat16Storage", 2, DType::bf16},
                                                        {"torch LongStorage", 8, DType::i64},
                                                        {"torch ByteStorage", 1, DType::u8},
                                                        {"torch IntStorage", 4},
                                                        {"torch ShortStorage", 2},
                                                        {"torch CharStorage", 1},
                                                        {"torch BoolStorage", 1},
                                                        {"torch ComplexFloatStorage", 8},
                                                        {"torch ComplexDoubleStorage", 16}}};

constexpr std::size_t kMaxKeyBytes = 100;

}  // namespace

const StorageType& storage_type(std::string_view name) {
  for (const StorageType& type : kStorageTypes)
    if (type.name == name) return type;
  throw Error(format("elements of type ", name.substr(0, 60), " are not known"));
}

// ('storage', type, key, location, number of elements), then perhaps None, or of a part of a
// storage (key, first element, number of elements).
StorageId storage_id(const PickleObject& storage) {
  const auto& items = storage.items;
  OSTEON_CHECK(items[0]->kind == Kind::text && items[0]->text == "storage" &&
                   items[1]->kind == Kind::global && items[2]->kind == Kind::text &&
                   items[2]->text.size() <= kMaxKeyBytes && items[4]->kind == Kind::integer &&
                   items[4]->integer >= 0,
               "a storage has an invalid description");
  StorageId id{&storage_type(items[1]->text), std::string(items[2]->text), items[4]->integer, 0,
               items[4]->integer};
  if (items.size() < 6 || items[5]->kind == Kind::none) return id;
  const auto& part = items[5]->items;
  OSTEON_CHECK(part.size() == 3 && part[1]->kind == Kind::integer &&
                   part[2]->kind == Kind::integer && part[1]->integer >= 0 &&
                   part[1]->integer <= id.numel && part[2]->integer >= 0 &&
                   part[2]->integer <= id.numel - part[1]->integer,
               "a part of a storage has an invalid description");
  id.begin = part[1]->integer;
  id.end = id.begin + part[2]->integer;
  return id;
}

}  // namespace osteon
