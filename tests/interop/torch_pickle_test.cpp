// PyTorch's files are read without PyTorch; files that would run code, or are damaged, are refused
// by name. scripts/golden/pth.py writes them.
#include "interop/torch_pickle.h"

#include <doctest/doctest.h>

#include <map>

#include "eval/model_file.h"
#include "interop/pickle_machine.h"
#include "nn/models.h"
#include "nn/state_dict.h"
#include "tests/support/message_of.h"
#include "tests/support/temporary_folder.h"

using namespace osteon;

namespace {

namespace fs = std::filesystem;

fs::path golden(const std::string& name) {
  return fs::path(OSTEON_TEST_DATA) / "pth" / (name + ".pth");
}

std::map<std::string, Tensor> read(const std::string& name) {
  const NamedTensors file = read_torch_pickle(golden(name));
  return {file.tensors.begin(), file.tensors.end()};
}

// Element i is i / 4 - 1, as in the script.
std::vector<double> numbers(std::size_t count) {
  std::vector<double> values;
  for (std::size_t i = 0; i < count; ++i) values.push_back(static_cast<double>(i) / 4 - 1);
  return values;
}

}  // namespace

TEST_CASE("a state dict has its names, shapes and values in their order") {
  for (const char* name : {"state_dict", "checkpoint"}) {
    CAPTURE(std::string(name));
    const NamedTensors file = read_torch_pickle(golden(name));
    REQUIRE(file.tensors.size() == 7);
    CHECK(file.tensors[0].first == "0.weight");
    CHECK(file.tensors[0].second.shape() == Shape{3, 2, 3, 3});
    CHECK(file.tensors[0].second.to_vector() == numbers(54));
    CHECK(file.tensors[6].first == "1.num_batches_tracked");
    CHECK(file.tensors[6].second.dtype() == DType::i64);
    CHECK(file.tensors[6].second.shape() == Shape{});
  }
  CHECK(read("parameters").at("weight").shape() == Shape{3, 2});
}

TEST_CASE("every dtype keeps its values; f16 becomes f32") {
  const auto file = read("dtypes");
  struct Row {
    const char* name;
    DType dtype;
  };
  const Row rows[] = {
      {"f64", DType::f64}, {"f32", DType::f32}, {"f16", DType::f32}, {"bf16", DType::bf16}};
  for (const Row& row : rows) {
    CAPTURE(std::string(row.name));
    CHECK(file.at(row.name).dtype() == row.dtype);
    CHECK(file.at(row.name).to_vector() == numbers(10));
  }
  CHECK(file.at("i64").to_vector() == std::vector<double>{-1, 0, 0, 0, 0, 0, 0, 0, 1, 1});
  CHECK(file.at("u8").dtype() == DType::u8);
}

TEST_CASE("tensors that are parts or transposed views of a storage are read correctly") {
  const auto file = read("views");
  const std::vector<double> base = numbers(24);
  for (std::size_t row = 0; row < 4; ++row)
    for (std::size_t column = 0; column < 6; ++column)
      CHECK(file.at("transposed").to_vector()[column * 4 + row] == base[row * 6 + column]);
  CHECK(file.at("part").to_vector() == std::vector<double>(base.begin() + 6, base.begin() + 18));
  CHECK(file.at("column").to_vector() == std::vector<double>{base[2], base[8], base[14], base[20]});
  CHECK(file.at("scalar").to_vector() == std::vector<double>{-1});
  CHECK(file.at("last").to_vector() == base);
  CHECK(file.at("empty").shape() == Shape{0, 3});
  CHECK(file.at("part").shares_memory(file.at("part")));
}

TEST_CASE("a file that is not a state dict is refused by name") {
  struct Row {
    const char* name;
    const char* message;
  };
  const Row rows[] = {{"legacy", "legacy form"},
                      {"model", "torch.nn.modules.linear Linear"},
                      {"code", "__builtin__ eval"},
                      {"protocol", "pickle protocol 4"},
                      {"int32", "torch IntStorage"},
                      {"compressed", "compressed"},
                      {"no_data", "data/0 is missing"},
                      {"short_data", "tensor 0.weight: it has 54 elements, but its storage has 2"},
                      {"big_endian", "not little-endian"},
                      {"too_large", "tensor 0.weight"},
                      {"stride", "outside its storage"},
                      {"cut_pickle", "ends in the middle"},
                      {"cut_file", "not a complete zip archive"},
                      {"copies", "much more memory than the file has bytes"},
                      {"list", "does not contain a state dict"},
                      {"damaged", "is damaged"}};
  for (const Row& row : rows) {
    const fs::path file = golden(std::string("refused_") + row.name);
    const std::string message = message_of([&] { read_torch_pickle(file); });
    CAPTURE(std::string(row.name));
    CAPTURE(message);
    CHECK(contains(message, row.message));
    CHECK(contains(message, file.string()));
  }
}

TEST_CASE("a pickle of more than 4 MB is refused") {
  const auto number = [](std::size_t value, int bytes) {
    std::string text;
    for (int i = 0; i < bytes; ++i) text += static_cast<char>(i < 8 ? value >> 8 * i : 0);
    return text;
  };
  // A zip archive of one entry, stored. Source: PKWARE, APPNOTE.TXT, 4.3.
  const auto archive = [&](std::size_t size) {
    const std::string name = "x/data.pkl", about = number(10, 2) + number(0, 8) + number(0, 4) +
                                                   number(size, 4) + number(size, 4) +
                                                   number(name.size(), 2) + number(0, 2);
    const std::string local = number(0x04034b50, 4) + about + name + std::string(size, '.');
    const std::string central =
        number(0x02014b50, 4) + number(10, 2) + about + number(0, 10) + number(0, 4) + name;
    return local + central + number(0x06054b50, 4) + number(0, 4) + number(1, 2) + number(1, 2) +
           number(central.size(), 4) + number(local.size(), 4) + number(0, 2);
  };
  const TemporaryFolder folder;
  const auto message_for = [&](std::size_t size) {
    const fs::path file = folder.write("large.pth", archive(size));
    return message_of([&] { read_torch_pickle(file); });
  };
  CHECK(
      contains(message_for(4'000'001), "data.pkl has 4000001 bytes; at most 4000000 are possible"));
  CHECK(contains(message_for(4'000'000), "data.pkl is damaged"));  // its checksum, 0, is wrong
}

TEST_CASE("pickles that take missing objects are refused") {
  const std::string_view pickles[] = {".",
                                      "R.",
                                      "(t",
                                      "s.",
                                      "(u.",
                                      "a.",
                                      "}(e.",
                                      "Q.",
                                      "h\x05.",
                                      "q\x01.",
                                      "b.",
                                      "\x87.",
                                      "((\x85.",
                                      "t.",
                                      ")Q.",
                                      "))R.",
                                      "X\xff\xff\xff\xff.",
                                      "cos\nsystem\n.",
                                      "\x8a\x09xxxxxxxxx."};
  for (const std::string_view pickle : pickles) {
    CAPTURE(std::string(pickle));
    CHECK(message_of([&] { PickleMachine().run(pickle); }) != "");
  }
}

TEST_CASE("initial weights come from a .pth as from a safetensors file") {
  CHECK(looks_like_torch_pickle(golden("state_dict")));
  CHECK(looks_like_torch_pickle(golden("refused_legacy")));
  const TemporaryFolder folder;
  const auto model = make_model("resnet18");
  const fs::path ours = folder.path() / "ours.safetensors";
  write_safetensors(ours, state_dict(*model));
  CHECK_FALSE(looks_like_torch_pickle(ours));
  ModelInfo info;
  info.arch = "resnet18";
  const auto message = message_of([&] { initialise_from(*model, info, golden("state_dict")); });
  CHECK(contains(message, "belong to another model"));
  CHECK(contains(message, "0.weight"));
}
