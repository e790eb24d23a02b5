// The reader does not trust the file: it parses the header as a stream of JSON events, so that a
// malicious header cannot make the program build a huge document. Every number is checked before
// use.
#include "tensor/safetensors.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <limits>
#include <memory>
#include <nlohmann/json.hpp>
#include <set>
#include <string_view>
#include <unordered_set>

#include "base/file.h"
#include "base/mapped_file.h"
#include "tensor/half.h"

namespace osteon {
namespace {

static_assert(std::endian::native == std::endian::little, "the format is little-endian");

using nlohmann::json;

constexpr std::uint64_t kLengthBytes = 8;
constexpr std::uint64_t kMaxHeaderBytes = 100'000'000;  // the reference implementation's bound
constexpr std::size_t kMaxRank = 64;                    // a higher rank is taken for an attack
constexpr std::string_view kMetadata = "__metadata__";

struct FileType {
  std::string_view name;
  DType dtype;  // in memory
  std::uint64_t bytes;
};
constexpr std::array<FileType, 6> kFileTypes = {{{"F64", DType::f64, 8},
                                                 {"F32", DType::f32, 4},
                                                 {"BF16", DType::bf16, 2},
                                                 {"I64", DType::i64, 8},
                                                 {"U8", DType::u8, 1},
                                                 {"F16", DType::f32, 2}}};

const FileType& file_type(DType dtype) {
  return *std::find_if(kFileTypes.begin(), kFileTypes.end(),
                       [dtype](const FileType& type) { return type.dtype == dtype; });
}

// A name from a file as printed in a message: on one line, with a limited length.
std::string quoted(const std::string& name) {
  constexpr std::size_t kMaxLength = 200;
  const std::string shown =
      json(name.substr(0, kMaxLength)).dump(-1, ' ', false, json::error_handler_t::replace);
  return name.size() > kMaxLength ? shown + "..." : shown;
}

// --- reading ------------------------------------------------------------------------------------

struct Entry {
  std::string name;
  std::string dtype;
  std::vector<std::int64_t> shape;
  std::vector<std::uint64_t> offsets;
};

// Collects the header from the events of the JSON parser; throws at the first event that the format
// does not allow at its position.
class HeaderReader : public nlohmann::json_sax<json> {
 public:
  std::vector<Entry> entries;
  std::map<std::string, std::string> metadata;

  bool start_object(std::size_t) override {
    if (place_ == Place::outside) return go(Place::header);
    if (place_ != Place::header) unexpected("an object");
    if (name_ == kMetadata) return go(Place::metadata);
    entries.push_back({.name = name_, .dtype = {}, .shape = {}, .offsets = {}});
    fields_.clear();
    return go(Place::tensor);
  }

  bool key(std::string& text) override {
    if (place_ == Place::header) {
      name_ = text;
      OSTEON_CHECK(names_.insert(text).second, "the header names ", quoted(text), " twice");
      return true;
    }
    field_ = text;
    if (place_ == Place::metadata) {
      OSTEON_CHECK(!metadata.contains(text), "the metadata name ", quoted(text), " twice");
      return true;
    }
    OSTEON_CHECK(text == "dtype" || text == "shape" || text == "data_offsets", "tensor ",
                 quoted(name_), " has an unknown field ", quoted(text));
    OSTEON_CHECK(fields_.insert(text).second, "tensor ", quoted(name_), " has ", text, " twice");
    return true;
  }

  bool string(std::string& text) override {
    if (place_ == Place::metadata)
      metadata[field_] = text;
    else if (place_ == Place::tensor && field_ == "dtype")
      entries.back().dtype = text;
    else
      unexpected("a string");
    return true;
  }

  bool start_array(std::size_t) override {
    if (place_ == Place::tensor && field_ == "shape") return go(Place::shape);
    if (place_ == Place::tensor && field_ == "data_offsets") return go(Place::offsets);
    unexpected("an array");
  }

  bool number_unsigned(std::uint64_t number) override {
    OSTEON_CHECK(place_ != Place::shape || entries.back().shape.size() < kMaxRank, "tensor ",
                 quoted(name_), ": shape has more than ", kMaxRank, " extents");
    if (place_ == Place::shape && number <= std::numeric_limits<std::int64_t>::max())
      entries.back().shape.push_back(static_cast<std::int64_t>(number));
    else if (place_ == Place::offsets && entries.back().offsets.size() < 2)
      entries.back().offsets.push_back(number);
    else
      unexpected(format("the number ", number));
    return true;
  }

  bool end_array() override { return go(Place::tensor); }

  bool end_object() override {
    if (place_ == Place::tensor) {
      for (const char* field : {"dtype", "shape", "data_offsets"})
        OSTEON_CHECK(fields_.contains(field), "tensor ", quoted(name_), " has no ", field);
      OSTEON_CHECK(entries.back().offsets.size() == 2, "tensor ", quoted(name_),
                   ": data_offsets needs two numbers, begin and end");
    }
    return go(place_ == Place::header ? Place::outside : Place::header);
  }

  bool null() override { unexpected("null"); }
  bool boolean(bool) override { unexpected("a truth value"); }
  bool number_integer(std::int64_t number) override { unexpected(format("the number ", number)); }
  bool number_float(double, const std::string& text) override {
    unexpected("the number " + text.substr(0, 40));
  }
  bool binary(json::binary_t&) override { unexpected("binary data"); }

  bool parse_error(std::size_t position, const std::string&,
                   const nlohmann::detail::exception& error) override {
    throw Error(format("the header is not JSON at its byte ", position, ": ", error.what()));
  }

 private:
  enum class Place { outside, header, metadata, tensor, shape, offsets };

  bool go(Place place) {
    place_ = place;
    return true;
  }

  [[noreturn]] void unexpected(const std::string& found) const {
    switch (place_) {
      case Place::outside:
        throw Error(format("the header is ", found, ", not an object"));
      case Place::header:
        throw Error(format(quoted(name_), " is ", found, ", not an object"));
      case Place::metadata:
        throw Error(format("metadata ", quoted(field_), " is ", found, ", not a string"));
      case Place::tensor:
        throw Error(format("tensor ", quoted(name_), ": ", field_, " is ", found, ", not ",
                           field_ == "dtype" ? "a string" : "an array"));
      default:
        throw Error(format("tensor ", quoted(name_), ": ", field_, " holds ", found,
                           place_ == Place::shape ? "; an extent is a whole number below 2^63"
                                                  : "; it needs two whole numbers, begin and end"));
    }
  }

  Place place_ = Place::outside;
  std::string name_;   // of the tensor
  std::string field_;  // of the tensor or of the metadata
  std::set<std::string> fields_;
  std::unordered_set<std::string> names_;
};

// The text of the header, from the start of the file.
std::string_view header_text(const MappedFile& file) {
  OSTEON_CHECK(file.size() >= kLengthBytes, "the file has ", file.size(),
               " bytes, too few for a safetensors file");
  std::uint64_t length = 0;
  std::memcpy(&length, file.data(), kLengthBytes);
  OSTEON_CHECK(length <= kMaxHeaderBytes, "the header length is ", length, " bytes, more than the ",
               kMaxHeaderBytes, " allowed; this is probably not a safetensors file");
  OSTEON_CHECK(length <= file.size() - kLengthBytes, "the header length is ", length,
               " bytes but the file ends after ", file.size(), "; it may be cut short");
  const std::string_view text(reinterpret_cast<const char*>(file.data()) + kLengthBytes, length);
  OSTEON_CHECK(text.starts_with('{'), "the header does not begin with {");
  // The parser would treat a zero byte as the end of the text and ignore the rest.
  const std::size_t zero = text.find('\0');
  OSTEON_CHECK(zero == text.npos, "the header is not JSON at its byte ", zero, ": a zero byte");
  return text;
}

const FileType& type_of(const Entry& entry) {
  for (const FileType& type : kFileTypes)
    if (type.name == entry.dtype) return type;
  throw Error(format("tensor ", quoted(entry.name), " has dtype ", quoted(entry.dtype),
                     "; known are F64, F32, F16, BF16, I64 and U8"));
}

Shape shape_of(const Entry& entry) {
  try {
    return Shape(entry.shape);
  } catch (const Error& error) {
    throw Error(format("tensor ", quoted(entry.name), ": ", error.what()));
  }
}

// Checks that the tensors, in the order of their offsets, cover the data exactly once.
void check_layout(const std::vector<Entry>& entries, std::uint64_t data_bytes) {
  std::vector<const Entry*> order;
  for (const Entry& entry : entries) {
    const std::uint64_t begin = entry.offsets[0], end = entry.offsets[1];
    OSTEON_CHECK(begin <= end && end <= data_bytes, "tensor ", quoted(entry.name),
                 ": data_offsets [", begin, ", ", end, "] are not inside the ", data_bytes,
                 " bytes of data; the file may be cut short");
    order.push_back(&entry);
  }
  std::sort(order.begin(), order.end(),
            [](const Entry* a, const Entry* b) { return a->offsets < b->offsets; });
  std::uint64_t covered = 0;
  for (const Entry* entry : order) {
    OSTEON_CHECK(entry->offsets[0] >= covered, "tensor ", quoted(entry->name), " begins at byte ",
                 entry->offsets[0], " of the data, inside another tensor, which ends at ", covered);
    OSTEON_CHECK(entry->offsets[0] == covered, "bytes ", covered, " to ", entry->offsets[0],
                 " of the data, before tensor ", quoted(entry->name), ", belong to no tensor");
    covered = entry->offsets[1];
  }
  OSTEON_CHECK(covered == data_bytes, "bytes ", covered, " to ", data_bytes,
               " of the data belong to no tensor");
}

Tensor widened(const std::byte* from, Shape shape) {
  Tensor tensor(std::move(shape), DType::f32);
  float* const to = tensor.data<float>();
  for (std::int64_t i = 0; i < tensor.numel(); ++i) {
    std::uint16_t half = 0;
    std::memcpy(&half, from + 2 * i, 2);
    to[i] = half_to_float(half);
  }
  return tensor;
}

Tensor copied(const std::byte* from, Shape shape, DType dtype) {
  Tensor tensor(std::move(shape), dtype);
  if (tensor.bytes() > 0) std::memcpy(tensor.raw(), from, tensor.bytes());
  return tensor;
}

Tensor tensor_of(const Entry& entry, std::byte* data, const std::shared_ptr<MappedFile>& file) {
  const FileType& type = type_of(entry);
  const Shape shape = shape_of(entry);
  const std::uint64_t bytes = entry.offsets[1] - entry.offsets[0];
  const std::uint64_t needed = static_cast<std::uint64_t>(shape.numel()) * type.bytes;
  OSTEON_CHECK(needed == bytes, "tensor ", quoted(entry.name), ": shape ", shape, " of ",
               entry.dtype, " takes ", needed, " bytes but data_offsets [", entry.offsets[0], ", ",
               entry.offsets[1], "] hold ", bytes);
  std::byte* const begin = data + entry.offsets[0];
  if (type.name == "F16") return widened(begin, shape);
  if (reinterpret_cast<std::uintptr_t>(begin) % type.bytes != 0)
    return copied(begin, shape, type.dtype);
  return Tensor(std::make_shared<Storage>(begin, bytes, file), 0, shape, type.dtype);
}

NamedTensors read(const std::shared_ptr<MappedFile>& file) {
  const std::string_view text = header_text(*file);
  HeaderReader header;
  json::sax_parse(text.begin(), text.end(), &header);
  const std::uint64_t data_offset = kLengthBytes + text.size();
  check_layout(header.entries, file->size() - data_offset);
  NamedTensors result;
  result.metadata = std::move(header.metadata);
  for (const Entry& entry : header.entries)
    result.tensors.emplace_back(entry.name, tensor_of(entry, file->data() + data_offset, file));
  return result;
}

// --- writing ------------------------------------------------------------------------------------

using NamedTensor = std::pair<std::string, Tensor>;

// The tensors in the order of the file.
std::vector<const NamedTensor*> layout(const std::vector<NamedTensor>& tensors) {
  std::vector<const NamedTensor*> order;
  std::unordered_set<std::string_view> names;
  for (const NamedTensor& named : tensors) {
    const auto& [name, tensor] = named;
    OSTEON_CHECK(name != kMetadata, "a tensor cannot be named ", kMetadata);
    OSTEON_CHECK(names.insert(name).second, "two tensors are named ", quoted(name));
    OSTEON_CHECK(tensor.defined(), "tensor ", quoted(name), " is undefined");
    OSTEON_CHECK(!tensor.device().is_cuda(), "tensor ", quoted(name), " is on ", tensor.device(),
                 "; copy it to the cpu");
    order.push_back(&named);
  }
  std::stable_sort(order.begin(), order.end(), [](const NamedTensor* a, const NamedTensor* b) {
    return size_of(a->second.dtype()) > size_of(b->second.dtype());
  });
  return order;
}

// A text as a JSON string.
std::string json_text(const std::string& text) {
  try {
    return json(text).dump();
  } catch (const json::type_error&) {
    throw Error(format("the text ", quoted(text), " is not UTF-8"));
  }
}

// The header, padded with spaces so that the data begin at a multiple of eight bytes.
std::string header_of(const std::vector<const NamedTensor*>& order,
                      const std::map<std::string, std::string>& metadata) {
  std::string text = "{";
  const char* separator = "";
  if (!metadata.empty()) {
    text += format('"', kMetadata, "\":{");
    for (const auto& [name, value] : metadata)
      text += format(std::exchange(separator, ","), json_text(name), ':', json_text(value));
    text += '}';
  }
  std::size_t offset = 0;
  for (const NamedTensor* named : order) {
    const auto& [name, tensor] = *named;
    const json entry = {{"dtype", file_type(tensor.dtype()).name},
                        {"shape", tensor.shape().extents()},
                        {"data_offsets", {offset, offset + tensor.bytes()}}};
    text += format(std::exchange(separator, ","), json_text(name), ':', entry.dump());
    offset += tensor.bytes();
  }
  text += '}';
  text.resize((text.size() + 7) / 8 * 8, ' ');
  OSTEON_CHECK(text.size() <= kMaxHeaderBytes, "the header would have ", text.size(),
               " bytes, more than the ", kMaxHeaderBytes, " allowed");
  return text;
}

}  // namespace

NamedTensors read_safetensors(const std::filesystem::path& path) {
  const auto file = std::make_shared<MappedFile>(path);
  try {
    return read(file);
  } catch (const Error& error) {
    throw Error(format("cannot read ", path.string(), ": ", error.what()));
  }
}

void write_safetensors(const std::filesystem::path& path, const NamedTensors& contents) {
  std::vector<const NamedTensor*> order;
  std::string header;
  try {
    order = layout(contents.tensors);
    header = header_of(order, contents.metadata);
  } catch (const Error& error) {
    throw Error(format("cannot write ", path.string(), ": ", error.what()));
  }
  const std::uint64_t length = header.size();
  std::vector<std::string_view> pieces = {{reinterpret_cast<const char*>(&length), sizeof length},
                                          header};
  for (const NamedTensor* named : order)
    pieces.emplace_back(reinterpret_cast<const char*>(named->second.raw()), named->second.bytes());
  write_file_atomically(path, pieces);
}

}  // namespace osteon
