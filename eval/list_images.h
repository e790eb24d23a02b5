// The image files that the inputs of `predict` stand for.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace osteon {

struct FileFailure {
  std::string path, reason;
};

struct ImageFiles {
  std::vector<std::filesystem::path> files;
  std::vector<FileFailure> failures;  // folders that cannot be read
};

// Files of the inputs, in order. A folder stands for all images below it (data/readers/readers.h:
// by their endings, or else by their first bytes), sorted by path, without hidden ones. Links to
// folders are followed, except to a folder that contains them, which is a failure. Missing files
// are kept: reading them fails.
ImageFiles list_images(const std::vector<std::filesystem::path>& inputs);

}  // namespace osteon
