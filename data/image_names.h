// The names of images. A name does not depend on the spelling of the path or on the place of the
// data.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace osteon {

// For each path, the path relative to the deepest folder that contains all of them, without "." and
// "..": {"./a/1.png", "a//2.png"} and {"/mnt/a/1.png", "/mnt/a/2.png"} both give {"1.png",
// "2.png"}. Links are not followed; no file is opened.
std::vector<std::string> image_names(const std::vector<std::filesystem::path>& paths);

}  // namespace osteon
