// Walks folders. A folder that cannot be read is a failure; the others are still listed.
#include "eval/list_images.h"

#include <algorithm>

#include "base/error.h"
#include "data/readers/readers.h"

namespace osteon {
namespace {

namespace fs = std::filesystem;

class Walk {
 public:
  void add(const fs::path& folder) {
    std::error_code error;
    const fs::path canonical = fs::canonical(folder, error);
    if (error) return fail(folder, error.message());
    if (std::ranges::count(open_, canonical) > 0)
      return fail(folder, "a link to a folder that contains it");
    open_.push_back(canonical);
    try {
      for (const std::string& name : list_files(folder))
        if (is_image_file(folder / name)) found_.files.push_back(folder / name);
      for (const std::string& name : list_subfolders(folder)) add(folder / name);
    } catch (const fs::filesystem_error& fault) {
      fail(folder, fault.code().message());
    }
    open_.pop_back();
  }

  void add_file(const fs::path& file) { found_.files.push_back(file); }
  ImageFiles found() { return std::move(found_); }

 private:
  void fail(const fs::path& folder, const std::string& reason) {
    found_.failures.push_back({folder.string(), format(folder.string(), ": ", reason)});
  }

  ImageFiles found_;
  std::vector<fs::path> open_;  // the current folder and the folders that contain it
};

}  // namespace

ImageFiles list_images(const std::vector<fs::path>& inputs) {
  Walk walk;
  std::error_code ignored;
  for (const fs::path& input : inputs)
    if (fs::is_directory(input, ignored))
      walk.add(input);
    else
      walk.add_file(input);
  return walk.found();
}

}  // namespace osteon
