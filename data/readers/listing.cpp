// Lists folders in a fixed order, the same on every file system.
#include <algorithm>
#include <array>
#include <string_view>

#include "base/text.h"
#include "data/image/image.h"
#include "data/readers/readers.h"

namespace osteon {
namespace {

namespace fs = std::filesystem;

std::vector<std::string> list_entries(const fs::path& folder, bool folders) {
  std::vector<std::string> names;
  std::error_code unknown;  // a circular link is not a folder
  for (const fs::directory_entry& entry : fs::directory_iterator(folder))
    if (const std::string name = entry.path().filename().string();
        !is_hidden(name) && entry.is_directory(unknown) == folders)
      names.push_back(name);
  std::ranges::sort(names);
  return names;
}

}  // namespace

std::vector<std::string> list_subfolders(const fs::path& folder) {
  return list_entries(folder, true);
}

std::vector<std::string> list_files(const fs::path& folder) { return list_entries(folder, false); }

bool is_hidden(std::string_view name) { return name.starts_with('.') || name == "__MACOSX"; }

bool is_image_file(const fs::path& path) {
  constexpr std::array<std::string_view, 6> kEndings = {".png", ".jpg",  ".jpeg",
                                                        ".jpe", ".jfif", ".dcm"};
  const std::string ending = lower_case(path.extension().string());
  return std::ranges::find(kEndings, ending) != kEndings.end() || starts_like_image(path);
}

}  // namespace osteon
