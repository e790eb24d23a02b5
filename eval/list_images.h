// The image files in the inputs of the program `predict`, which are files and folders.
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

// The files of the inputs, in their order. A folder is replaced by all images below it, sorted by
// path, without hidden ones; images are found by the endings of their names or by their first bytes
// (data/readers/readers.h). Links to folders are followed; a link to a folder that contains the
// link is a failure. Missing files stay in the list, so that reading them fails later.
ImageFiles list_images(const std::vector<std::filesystem::path>& inputs);

}  // namespace osteon
