// PyTorch's files are read without PyTorch; files that would run code, or are damaged, are refused
// by name. scripts/golden/pth.py writes them.
#include "interop/torch_pickle.h"

#include <doctest/doctest.h>

#include <fstream>
#include <map>
#include <sstream>

#include "interop/pickle_machine.h"
#include "tensor/safetensors.h"
#include "tests/support/message_of.h"
#include "tests/support/temporary_folder.h"

using namespace osteon;
using namespace std::string_literals;

namespace {

namespace fs = std::filesystem;

fs::path golden(const std::string& name) {
  return fs::path(OSTEON_TEST_DATA) / "pth" / (name + ".pth");
}

std::map<std::string, Tensor> read(const std::string& name) {
  const NamedTensors file = TorchFile(golden(name)).read(0);
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
  for (const char* name : {"state_dict", "checkpoint", "legacy"}) {
    CAPTURE(std::string(name));
    const NamedTensors file = TorchFile(golden(name)).read(0);
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
  const Row rows[] = {{"model", "torch.nn.modules.linear Linear"},
                      {"code", "__builtin__ eval"},
                      {"protocol", "pickle protocol 6; known are 2 to 5"},
                      {"negative", "a conjugate or negated view"},
                      {"int32", "torch IntStorage"},
                      {"compressed", "compressed"},
                      {"no_data", "data/0 is missing"},
                      {"short_data", "tensor 0.weight: it has 54 elements, but its storage has 2"},
                      {"big_endian", "not little-endian"},
                      {"too_large", "tensor 0.weight"},
                      {"stride", "outside its storage"},
                      {"cut_pickle", "ends in the middle"},
                      {"cut_file", "not a complete zip archive"},
                      {"copies", "more than twice the size of the file"},
                      {"list", "no dictionary of tensors; save the state dict: torch.save("},
                      {"damaged", "is damaged"},
                      {"pickle", "not a file of torch.save"},
                      {"frame", "it is a pickle, but not one of torch.save"},
                      {"legacy_magic", "it is a pickle, but not one of torch.save"},
                      {"legacy_version", "its version is not 1001"},
                      {"legacy_big_endian", "not little-endian"},
                      {"legacy_cut_pickle", "ends in the middle of an instruction"},
                      {"legacy_cut_data", "it ends in the middle of the storage "},
                      {"legacy_no_data", "it ends before the storage "},
                      {"legacy_count", "has 53 elements, but is described with 54"},
                      {"legacy_keys", "has no description, or occurs twice"},
                      {"init_module", "torch.nn.modules.container Sequential"},
                      {"init_arguments",
                       "argparse Namespace, which a state dict does not need; save "
                       "only the state dict: torch.save(model.state_dict(), "},
                      {"init_arguments4", "argparse Namespace, which"},
                      {"init_array", "multiarray _reconstruct, which"},
                      {"init_object", "numpy dtype 'O8', which is not that of a number"},
                      {"init_path", "pathlib PurePosixPath, which"}};
  for (const Row& row : rows) {
    const fs::path file = golden(std::string("refused_") + row.name);
    const std::string message = message_of([&] { TorchFile(file).read(0); });
    CAPTURE(std::string(row.name));
    CAPTURE(message);
    CHECK(contains(message, row.message));
    CHECK(contains(message, file.string()));
  }
}

TEST_CASE("every dictionary of tensors is found, with the keys that lead to it") {
  struct Row {
    const char* name;
    std::vector<std::string> places;
  };
  const Row rows[] = {{"state_dict", {""}},
                      {"legacy", {""}},
                      {"checkpoint", {"state_dict"}},
                      {"init_tuple", {"[1]"}},
                      {"init_averaged", {"state_dict_ema", "state_dict"}},
                      {"init_beside2", {"", "model_state_dict"}},
                      {"init_beside4", {"", "model_state_dict"}}};
  for (const Row& row : rows) {
    CAPTURE(row.name);
    const TorchFile file(golden(row.name));
    std::vector<std::string> places;
    for (const TorchFile::Dict& dict : file.dicts()) places.push_back(dict.place);
    CHECK(places == row.places);
  }
  const TorchFile file(golden("init_beside4"));
  CHECK(file.dicts()[0].names == std::vector<std::string_view>{"rng", "mask"});
  const auto is_rng = [](std::string_view name) { return name == "rng"; };
  CHECK(file.read(0, is_rng).tensors.size() == 1);
  CHECK(contains(message_of([&] { file.read(0); }), "tensor mask: elements of type torch Bool"));
}

TEST_CASE("a truncated file of the legacy form is refused at every length") {
  std::ostringstream contents;
  contents << std::ifstream(golden("init_legacy2"), std::ios::binary).rdbuf();
  const std::string whole = contents.str();
  const TemporaryFolder folder;
  for (std::size_t bytes = 0; bytes < whole.size(); ++bytes) {
    const fs::path file = folder.write("cut.pth", whole.substr(0, bytes));
    CAPTURE(bytes);
    CHECK(contains(message_of([&] { TorchFile(file).read(0); }), file.string()));
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
    return message_of([&] { TorchFile{file}; });
  };
  CHECK(
      contains(message_for(4'000'001), "data.pkl has 4000001 bytes; at most 4000000 are possible"));
  CHECK(contains(message_for(4'000'000), "data.pkl is damaged"));  // its checksum, 0, is wrong
}

TEST_CASE("pickles that take objects that are not there are refused") {
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
                                      "\x8a\x09xxxx.",
                                      "\x8b\xff\xff\xff\xff.",
                                      "\x8d\xff\xff\xff\xff\xff\xff\xff\xff.",
                                      "\x8e\xff\xff\xff\xff\xff\xff\xff\xff.",
                                      "\x95",
                                      "\x94.",
                                      "\x93.",
                                      "\x8c\x02os\x93.",
                                      "))\x93.",
                                      "\x8c\x02os\x8c\x06system\x93.",
                                      "ctorch\nSize\n)R.",
                                      "ctorch\nSize\n)\x81.",
                                      "ctorch\nfloat32\n)R.",
                                      "ccollections\nOrderedDict\n](]NaNe\x85R.",
                                      "}(\x90.",
                                      "(\x91"};
  for (const std::string_view pickle : pickles) {
    CAPTURE(std::string(pickle));
    CHECK(message_of([&] { PickleMachine().run(pickle); }) != "");
  }
}

// A list of 1,000 references that an OrderedDict or a torch.Size copies over and over.
TEST_CASE("a pickle cannot copy a list so often that it takes all memory") {
  std::string pairs = "]q\0("s, numbers = "(";
  for (int i = 0; i < 1000; ++i) pairs += "]K\1aK\2a", numbers += "K\1";
  pairs += "e\x85q\1"s;
  numbers += "tq\0\x85q\1"s;
  const std::string bodies[] = {pairs + "ccollections\nOrderedDict\n", numbers + "ctorch\nSize\n"};
  for (const std::string& body : bodies) {
    std::string pickle = body + "q\2"s;
    CHECK_NOTHROW(PickleMachine().run(pickle + "h\2h\1R."));
    for (int i = 0; i < 1000; ++i) pickle += "h\2h\1R";
    CHECK(contains(message_of([&] { PickleMachine().run(pickle + "."); }), "copies its lists"));
  }
}

TEST_CASE("names and dictionaries have limits") {
  // A file of the legacy form. Its object is a list of a tensor, which gets memo 0, and `objects`.
  const auto legacy = [](const std::string& objects) {
    return "\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19.\x80\x02M\xe9\x03.\x80\x02}."
           "\x80\x02]ctorch._utils\n_rebuild_tensor_v2\n((X\7\0\0\0storagectorch\nFloatStorage\n"
           "X\1\0\0\0aX\3\0\0\0cpuK\1tQK\0))tRq\0a("s +
           objects + "e.\x80\x02](X\1\0\0\0ae.\1\0\0\0\0\0\0\0\0\0\0\0"s;
  };
  const auto repeated = [](const std::string& text, int count) {
    std::string result;
    for (int i = 0; i < count; ++i) result += text;
    return result;
  };
  const std::string dict = "}X\1\0\0\0wh\0s"s;
  const auto named = [&](char low, int length) {
    return "}X"s + low + "\3\0\0"s + repeated("w", length) + "h\0s"s;
  };
  struct Row {
    std::string objects;
    const char* message;
  };
  const Row rows[] = {{repeated(dict, 1000), ""},
                      {repeated(dict, 1001), "more than 1000 dictionaries of tensors"},
                      {named('\xe8', 1000), ""},
                      {named('\xe9', 1001), "the name of a tensor has 1001 bytes"}};
  const TemporaryFolder folder;
  for (const Row& row : rows) {
    const fs::path file = folder.write("limits.pth", legacy(row.objects));
    const std::string message = message_of([&] { TorchFile(file).read(0); });
    CAPTURE(message);
    CHECK(contains(message, row.message));
    CHECK(message.empty() == (*row.message == 0));
  }
}

TEST_CASE("files of torch.save are told from safetensors files by their first bytes") {
  for (const char* name : {"state_dict", "legacy", "init_legacy4", "init_legacy5"}) {
    CAPTURE(name);
    CHECK(looks_like_torch_file(golden(name)));
  }
  const TemporaryFolder folder;
  const fs::path ours = folder.path() / "ours.safetensors";
  NamedTensors contents;
  contents.tensors.emplace_back("weight", Tensor({2}, DType::f32));
  write_safetensors(ours, contents);
  CHECK_FALSE(looks_like_torch_file(ours));
  CHECK_FALSE(looks_like_torch_file(folder.write("empty", "")));
}
