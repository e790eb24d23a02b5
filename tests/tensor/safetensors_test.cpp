// Files of named tensors: files of our writer and of other writers are read; broken files are
// refused with a message that names the place.
#include "tensor/safetensors.h"

#include <doctest/doctest.h>
#include <sys/stat.h>

#include <cmath>
#include <cstring>
#include <fstream>
#include <iterator>
#include <limits>

#include "tests/support/message_of.h"
#include "tests/support/temporary_folder.h"

using namespace osteon;
using namespace std::string_literals;

namespace {

std::string little_endian(std::uint64_t number) {
  return {reinterpret_cast<const char*>(&number), sizeof number};
}

// A file with this header and these data, valid or not.
std::string file_of(const std::string& header, const std::string& data = "") {
  return little_endian(header.size()) + header + data;
}

std::string read_bytes(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

Tensor named(const NamedTensors& all, const std::string& name) {
  for (const auto& [each, tensor] : all.tensors)
    if (each == name) return tensor;
  FAIL("no tensor named ", name);
  return {};
}

void check_same_bits(const Tensor& a, const Tensor& b) {
  CHECK(a.shape() == b.shape());
  REQUIRE(a.dtype() == b.dtype());
  CHECK(std::string_view(reinterpret_cast<const char*>(a.raw()), a.bytes()) ==
        std::string_view(reinterpret_cast<const char*>(b.raw()), b.bytes()));
}

constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
const std::vector<double> kReals = {0,       -0.0,     1,         -1.5, 65504,
                                    0x1p-24, -0x1p-15, kInfinity, kNan, 0.1};

// Tensors of every dtype, in an order that the writer has to change.
NamedTensors every_dtype() {
  NamedTensors all;
  all.tensors = {{"u8", from_vector({0, 1, 255}, {1, 3}, DType::u8)},
                 {"bf16", from_vector(kReals, {5, 2, 1}, DType::bf16)},
                 {"layer.0.weight", from_vector(kReals, {2, 5}, DType::f32)},
                 {"f64", from_vector(kReals, {10}, DType::f64)},
                 {"scalar", from_vector({2.5}, {}, DType::f32)},
                 {"empty", Tensor({3, 0, 2}, DType::f32)},
                 {"i64", from_vector({-0x1p62, -1, 0, 0x1p40}, {4}, DType::i64)},
                 {"a \"quoted\"\n\x01 n\u00e4me", from_vector({7}, {1}, DType::u8)},
                 {"", from_vector({8}, {1}, DType::u8)}};
  all.metadata = {{"arch", "resnet50"}, {"\u00fcnit", "\u00bd\n\"\\"}, {"", ""}};
  return all;
}

}  // namespace

TEST_CASE("every dtype, shape and text comes back as it was written") {
  const TemporaryFolder folder;
  const auto path = folder.path() / "all.safetensors";
  const NamedTensors before = every_dtype();
  write_safetensors(path, before);
  const NamedTensors after = read_safetensors(path);
  CHECK(after.metadata == before.metadata);
  CHECK(after.tensors.size() == before.tensors.size());
  for (const auto& written : before.tensors) {
    CAPTURE(written.first);
    check_same_bits(named(after, written.first), written.second);
  }
}

TEST_CASE("tensors are laid out by element size, then as given, and all are aligned") {
  const TemporaryFolder folder;
  const auto path = folder.path() / "all.safetensors";
  write_safetensors(path, every_dtype());
  std::vector<std::string> names;
  for (const auto& [name, tensor] : read_safetensors(path).tensors) {
    names.push_back(name);
    CHECK(reinterpret_cast<std::uintptr_t>(tensor.raw()) % size_of(tensor.dtype()) == 0);
  }
  CHECK(names == std::vector<std::string>{"f64", "i64", "layer.0.weight", "scalar", "empty", "bf16",
                                          "u8", "a \"quoted\"\n\x01 n\u00e4me", ""});
  std::uint64_t length = 0;
  std::memcpy(&length, read_bytes(path).data(), sizeof length);
  CHECK(length % 8 == 0);
}

TEST_CASE("a file without tensors and metadata is valid") {
  const TemporaryFolder folder;
  const auto path = folder.path() / "none.safetensors";
  write_safetensors(path, {});
  CHECK(read_bytes(path) == file_of("{}      "));
  CHECK(read_safetensors(path).tensors.empty());
  CHECK(read_safetensors(path).metadata.empty());
}

TEST_CASE("a file of the reference implementation is read correctly") {
  const NamedTensors all =
      read_safetensors(std::filesystem::path(OSTEON_TEST_DATA) / "reference.safetensors");
  CHECK(all.metadata == std::map<std::string, std::string>{{"\u00fcnit", "\u00bd\n"}});
  CHECK(all.tensors.size() == 9);
  struct Row {
    const char* name;
    DType dtype;
    Shape shape;
    std::vector<double> elements;
  };
  std::vector<double> halves = kReals, brains = kReals, singles = kReals;
  halves.back() = 0x1.998p-4;  // 0.1 in 11, 8 and 24 bits
  brains.back() = 0x1.9ap-4;
  brains[4] = 65536;
  singles.back() = static_cast<double>(0.1f);
  const Row rows[] = {{"f64", DType::f64, {10}, kReals},
                      {"f32", DType::f32, {2, 5}, singles},
                      {"f16", DType::f32, {10}, halves},
                      {"bf16", DType::bf16, {5, 2, 1}, brains},
                      {"i64", DType::i64, {4}, {-0x1p62, -1, 0, 0x1p40}},
                      {"u8", DType::u8, {1, 3}, {0, 1, 255}},
                      {"scalar", DType::f32, {}, {2.5}},
                      {"empty", DType::f32, {3, 0, 2}, {}},
                      {"a \"quoted\" n\u00e4me", DType::u8, {1}, {7}}};
  for (const Row& row : rows) {
    CAPTURE(std::string(row.name));
    const Tensor tensor = named(all, row.name);
    CHECK(tensor.dtype() == row.dtype);
    CHECK(tensor.shape() == row.shape);
    const std::vector<double> elements = tensor.to_vector();
    REQUIRE(elements.size() == row.elements.size());
    for (std::size_t i = 0; i < elements.size(); ++i) {
      CAPTURE(i);
      if (std::isnan(row.elements[i])) {
        CHECK(std::isnan(elements[i]));
      } else {
        CHECK(elements[i] == row.elements[i]);
        CHECK(std::signbit(elements[i]) == std::signbit(row.elements[i]));
      }
    }
  }
}

TEST_CASE("unaligned tensors of another writer's file are copied and read correctly") {
  const TemporaryFolder folder;
  const float values[] = {1.5f, -2};
  const std::string floats(reinterpret_cast<const char*>(values), sizeof values);
  const std::string header = R"({"b":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},)"
                             R"("x":{"dtype":"F32","shape":[2],"data_offsets":[1,9]}})";
  for (std::size_t padding = 0; padding < 4; ++padding) {
    CAPTURE(padding);
    const auto path = folder.write("odd.safetensors",
                                   file_of(header + std::string(padding, ' '), "\x07" + floats));
    const Tensor x = named(read_safetensors(path), "x");
    CHECK(reinterpret_cast<std::uintptr_t>(x.raw()) % 4 == 0);
    CHECK(x.to_vector() == std::vector<double>{1.5, -2});
  }
}

TEST_CASE("tensors view the file without copying and never change it") {
  const TemporaryFolder folder;
  const auto path = folder.path() / "file.safetensors";
  write_safetensors(path, {{{"x", from_vector({1, 2}, {2})}, {"y", from_vector({3}, {1})}}, {}});
  const std::string bytes = read_bytes(path);
  const std::size_t memory = memory_statistics().current_bytes;
  const NamedTensors all = read_safetensors(path);
  CHECK(memory_statistics().current_bytes == memory);
  const Tensor x = named(all, "x"), y = named(all, "y");
  const std::uint64_t version = y.version();
  fill_(x, 9);
  CHECK(x.to_vector() == std::vector<double>{9, 9});
  CHECK(y.version() == version);
  CHECK(read_bytes(path) == bytes);

  // The mapping stays valid without the name: a file can be overwritten from its own tensors, and
  // removed.
  write_safetensors(path, all);
  CHECK(named(read_safetensors(path), "x").to_vector() == std::vector<double>{9, 9});
  std::filesystem::remove(path);
  CHECK(y.to_vector() == std::vector<double>{3});
}

TEST_CASE("broken files are refused with the place and the reason") {
  const std::string four(4, 'x');
  const auto entry = [](const std::string& fields) { return R"({"w":{)" + fields + "}}"; };
  const auto shaped = [](const std::string& dtype, const std::string& shape,
                         const std::string& to) {
    return R"({"w":{"dtype":")" + dtype + R"(","shape":)" + shape + R"(,"data_offsets":[0,)" + to +
           "]}}";
  };
  const auto two = [](const std::string& first, const std::string& second) {
    return R"({"a":{"dtype":"U8","shape":[4],"data_offsets":)" + first +
           R"(},"b":{"dtype":"U8","shape":[4],"data_offsets":)" + second + "}}";
  };
  std::string ones;
  for (int i = 0; i < 64; ++i) ones += ",1";
  const std::string good = shaped("F32", "[1]", "4");
  struct Row {
    std::string what;
    std::string bytes;
    std::string message;
  };
  const Row rows[] = {
      {"empty file", "", "has 0 bytes, too few"},
      {"shorter than the length", "\x02\0\0"s, "has 3 bytes, too few"},
      {"length beyond the file", little_endian(9) + "{}",
       "header length is 9 bytes but the file ends"},
      {"length 2^64-1", little_endian(~0ull) + "{}", "more than the 100000000 allowed"},
      {"length over the bound", little_endian(100'000'001) + "{}", "more than the 100000000"},
      {"no header", little_endian(0), "does not begin with {"},
      {"header is a list", file_of("[]"), "does not begin with {"},
      {"header after a space", file_of(" {}"), "does not begin with {"},
      {"another format", "PK\x03\x04" + std::string(60, 'z'), "probably not a safetensors file"},
      {"JSON cut short", file_of("{\"a\":"), "not JSON at its byte"},
      {"JSON with a tail", file_of("{}{}"), "not JSON at its byte"},
      {"zero bytes as padding", file_of("{}\0\0"s), "not JSON at its byte"},
      {"text not UTF-8", file_of("{\"\xff\":{}}"), "not JSON at its byte"},
      {"nested without end", file_of(std::string(100'000, '{')), "not JSON at its byte"},
      {"nested lists", file_of("{\"w\":" + std::string(100'000, '[')), "\"w\" is an array"},
      {"nested objects", file_of(entry(R"("dtype":{"dtype":{}})")), "dtype is an object"},
      {"list in the shape", file_of(entry(R"("shape":[[1]])")), "shape holds an array"},
      {"tensor is null", file_of(R"({"w":null})"), "\"w\" is null, not an object"},
      {"tensor is a number", file_of(R"({"w":1})"), "\"w\" is the number 1"},
      {"tensor is a text", file_of(R"({"w":"F32"})"), "\"w\" is a string"},
      {"tensor twice",
       file_of(R"({"w":{"dtype":"U8","shape":[0],"data_offsets":[0,0]},)"
               R"("w":{"dtype":"U8","shape":[0],"data_offsets":[0,0]}})"),
       "names \"w\" twice"},
      {"metadata twice", file_of(R"({"__metadata__":{},"__metadata__":{}})"),
       "names \"__metadata__\" twice"},
      {"metadata not an object", file_of(R"({"__metadata__":"x"})"),
       "\"__metadata__\" is a string"},
      {"metadata null", file_of(R"({"__metadata__":null})"), "\"__metadata__\" is null"},
      {"metadata value a number", file_of(R"({"__metadata__":{"epoch":3}})"),
       "metadata \"epoch\" is the number 3, not a string"},
      {"metadata value an object", file_of(R"({"__metadata__":{"k":{}}})"), "\"k\" is an object"},
      {"metadata name twice", file_of(R"({"__metadata__":{"k":"1","k":"2"}})"), "\"k\" twice"},
      {"no dtype", file_of(entry(R"("shape":[1],"data_offsets":[0,4])"), four), "has no dtype"},
      {"no shape", file_of(entry(R"("dtype":"F32","data_offsets":[0,4])"), four), "has no shape"},
      {"no offsets", file_of(entry(R"("dtype":"F32","shape":[1])"), four), "has no data_offsets"},
      {"no fields", file_of(R"({"w":{}})"), "tensor \"w\" has no dtype"},
      {"field twice", file_of(entry(R"("dtype":"F32","dtype":"F32")")), "has dtype twice"},
      {"unknown field", file_of(entry(R"("strides":[1])")), "unknown field \"strides\""},
      {"dtype a number", file_of(entry(R"("dtype":32)")), "dtype is the number 32, not a string"},
      {"dtype unknown", file_of(shaped("F31", "[1]", "4"), four), "has dtype \"F31\"; known are"},
      {"dtype in lower case", file_of(shaped("f32", "[1]", "4"), four), "has dtype \"f32\""},
      {"dtype of the format, not ours", file_of(shaped("I32", "[1]", "4"), four), "\"I32\"; known"},
      {"shape a number", file_of(shaped("F32", "1", "4"), four), "shape is the number 1"},
      {"extent negative", file_of(shaped("F32", "[-1]", "4"), four), "shape holds the number -1"},
      {"extent a fraction", file_of(shaped("F32", "[1.0]", "4"), four),
       "shape holds the number 1.0"},
      {"extent a text", file_of(shaped("F32", "[\"1\"]", "4"), four), "shape holds a string"},
      {"extent true", file_of(shaped("F32", "[true]", "4"), four), "shape holds a truth value"},
      {"extent 2^63", file_of(shaped("F32", "[9223372036854775808]", "4"), four), "below 2^63"},
      {"extent 2^64", file_of(shaped("F32", "[18446744073709551616]", "4"), four), "below 2^63"},
      {"elements overflow to 1", file_of(shaped("F32", "[4294967296,4294967296]", "4"), four),
       "more elements than any memory"},
      {"bytes overflow to 4", file_of(shaped("F32", "[4611686018427387905]", "4"), four),
       "more elements than any memory"},
      {"overflow hidden by a zero", file_of(shaped("F32", "[4294967296,4294967296,0]", "0")),
       "more elements than any memory"},
      {"65 extents", file_of(shaped("F32", "[1" + ones + "]", "4"), four), "more than 64 extents"},
      {"shape larger than its bytes", file_of(shaped("F32", "[2]", "4"), four),
       "shape [2] of F32 takes 8 bytes but data_offsets [0, 4] hold 4"},
      {"shape smaller than its bytes", file_of(shaped("F32", "[0]", "4"), four), "takes 0 bytes"},
      {"F16 counted as F32", file_of(shaped("F16", "[1]", "4"), four), "of F16 takes 2 bytes"},
      {"one offset", file_of(entry(R"("dtype":"U8","shape":[0],"data_offsets":[0])")),
       "needs two numbers"},
      {"three offsets", file_of(entry(R"("dtype":"U8","shape":[0],"data_offsets":[0,0,0])")),
       "data_offsets holds the number 0; it needs two"},
      {"offset negative", file_of(shaped("F32", "[1]", "-4"), four), "holds the number -4"},
      {"offset 1e1", file_of(shaped("F32", "[1]", "1e1"), four), "holds the number 1e1"},
      {"end before begin", file_of(entry(R"("dtype":"U8","shape":[0],"data_offsets":[4,0])"), four),
       "data_offsets [4, 0] are not inside the 4 bytes"},
      {"end beyond the data", file_of(good, "xxx"), "[0, 4] are not inside the 3 bytes"},
      {"end 2^64-1", file_of(shaped("U8", "[1]", "18446744073709551615"), four), "are not inside"},
      {"data left over", file_of(good, four + "x"), "bytes 4 to 5 of the data belong to no tensor"},
      {"data without tensors", file_of("{}", four), "bytes 0 to 4 of the data belong to no tensor"},
      {"hole at the start",
       file_of(entry(R"("dtype":"U8","shape":[3],"data_offsets":[1,4])"), four),
       "bytes 0 to 1 of the data, before tensor \"w\", belong to no tensor"},
      {"hole between", file_of(two("[0,4]", "[5,9]"), four + "x" + four),
       "bytes 4 to 5 of the data"},
      {"overlap", file_of(two("[0,4]", "[2,6]"), four + "xx"),
       "\"b\" begins at byte 2 of the data, inside another tensor, which ends at 4"},
      {"the same bytes twice", file_of(two("[0,4]", "[0,4]"), four), "inside another tensor"},
      {"overlap named in reverse", file_of(two("[2,6]", "[0,4]"), four + "xx"),
       "\"a\" begins at byte 2"},
      {"name with control characters", file_of("{\"\\u001b[2J\\n\":1}"), R"("\u001b[2J\n" is the)"},
      {"name of a megabyte", file_of("{\"" + std::string(1'000'000, 'n') + "\":1}"), "nnn\"... is"},
  };
  const TemporaryFolder folder;
  for (const Row& row : rows) {
    CAPTURE(row.what);
    const auto path = folder.write("broken.safetensors", row.bytes);
    const std::string message = message_of([&] { read_safetensors(path); });
    CHECK(message.starts_with("cannot read " + path.string() + ": "));
    CAPTURE(message);
    CHECK(contains(message, row.message));
    CHECK(message.size() < 1000);
  }
}

TEST_CASE("a file that cannot be opened is named with the reason") {
  const TemporaryFolder folder;
  const auto pipe = folder.path() / "pipe";
  REQUIRE(::mkfifo(pipe.c_str(), 0600) == 0);
  struct Row {
    std::filesystem::path path;
    const char* message;
  };
  const Row rows[] = {{folder.path() / "missing", "No such file or directory"},
                      {folder.path(), "it is not a regular file"},
                      {pipe, "it is not a regular file"},
                      {"/dev/zero", "it is not a regular file"}};
  for (const Row& row : rows) {
    CAPTURE(row.path);
    const std::string message = message_of([&] { read_safetensors(row.path); });
    CHECK(message == "cannot read " + row.path.string() + ": " + row.message);
  }
}

TEST_CASE("a file cut anywhere is refused; one with a changed byte is refused or read whole") {
  const TemporaryFolder folder;
  const auto path = folder.path() / "file.safetensors";
  write_safetensors(path, {{{"w", from_vector({1, 2}, {2})}, {"b", from_vector({3}, {1})}},
                           {{"arch", "resnet18"}}});
  const std::string bytes = read_bytes(path);
  for (std::size_t length = 0; length < bytes.size(); ++length) {
    CAPTURE(length);
    const auto cut = folder.write("cut", bytes.substr(0, length));
    CHECK(contains(message_of([&] { read_safetensors(cut); }), "cannot read"));
  }
  int refused = 0;
  for (std::size_t i = 0; i < bytes.size(); ++i)
    for (const int change : {0x01, 0x10, 0x80, 0xff}) {
      std::string changed = bytes;
      changed[i] = static_cast<char>(changed[i] ^ change);
      const auto file = folder.write("changed", changed);
      refused += !message_of([&] {
                    for (const auto& [name, tensor] : read_safetensors(file).tensors)
                      CHECK(tensor.to_vector().size() <= 3);
                  }).empty();
    }
  CHECK(refused > static_cast<int>(bytes.size()));
}

TEST_CASE("a file that cannot be written is named and leaves the old file as it was") {
  const TemporaryFolder folder;
  const auto path = folder.write("file.safetensors", "old");
  const Tensor x = from_vector({1}, {1});
  struct Row {
    std::string what;
    NamedTensors contents;
    const char* message;
  };
  const Row rows[] = {
      {"name twice", {{{"x", x}, {"x", x}}, {}}, "two tensors are named \"x\""},
      {"reserved name", {{{"__metadata__", x}}, {}}, "cannot be named __metadata__"},
      {"undefined", {{{"x", Tensor()}}, {}}, "tensor \"x\" is undefined"},
      {"name not UTF-8", {{{"\xff", x}}, {}}, "is not UTF-8"},
      {"metadata name not UTF-8", {{{"x", x}}, {{"k\xff", "v"}}}, "is not UTF-8"},
      {"metadata text not UTF-8", {{{"x", x}}, {{"k", "v\xff"}}}, "is not UTF-8"},
      {"header too long", {{{"x", x}}, {{"k", std::string(100'000'000, 'v')}}}, "more than the"},
  };
  for (const Row& row : rows) {
    CAPTURE(row.what);
    const std::string message = message_of([&] { write_safetensors(path, row.contents); });
    CHECK(message.starts_with("cannot write " + path.string() + ": "));
    CHECK(contains(message, row.message));
    CHECK(read_bytes(path) == "old");
  }
  CHECK(contains(message_of([&] { write_safetensors(folder.path() / "no" / "file", {}); }),
                 "No such file or directory"));
}
