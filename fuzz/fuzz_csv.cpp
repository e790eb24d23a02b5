// Fuzzes lists of images in each of their forms, and the paths in them: a CSV file, the lists of
// the data sets that have one, and MURA's two lists. The labelled studies stand before the first
// empty line of the input, the images after it.
#include <string_view>

#include "data/manifest.h"
#include "fuzz/fuzz.h"

namespace osteon {
namespace {

namespace fs = std::filesystem;

// A folder of this process that all readers of folders accept.
const fs::path& data_folder() {
  static const fs::path folder = [] {
    const fs::path path = fs::temp_directory_path() / format("osteon_fuzz_", ::getpid());
    fs::create_directories(path / "images" / "Fractured");
    fs::create_directories(path / "boneage-training-dataset");
    return path;
  }();
  return folder;
}

void write(const char* name, std::string_view text) {
  std::ofstream(data_folder() / name, std::ios::binary) << text;
}

void read(const fs::path& data, const char* dataset, const char* task = "auto") {
  expect_error_or_success([&] { read_manifest(data, {.dataset = dataset, .task = task}); });
}

void read_mura_lists(std::string_view text) {
  const std::size_t empty_line = text.find("\n\n");
  if (empty_line == std::string_view::npos) {
    fs::remove(data_folder() / "train_labeled_studies.csv");
  } else {
    write("train_labeled_studies.csv", text.substr(0, empty_line + 1));
    text.remove_prefix(empty_line + 2);
  }
  write("train_image_paths.csv", text);
  read(data_folder(), "mura");
}

}  // namespace
}  // namespace osteon

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  osteon::read(osteon::fuzz_file(data, size, ".csv"), "csv");
  osteon::write("dataset.csv", text);
  osteon::write("boneage-training-dataset.csv", text);
  osteon::read(osteon::data_folder(), "auto");
  for (const char* dataset : {"fracatlas", "grazped", "btxrd"})
    osteon::read(osteon::data_folder(), dataset);
  osteon::read(osteon::data_folder(), "boneage", "regression");
  osteon::read_mura_lists(text);
  return 0;
}
