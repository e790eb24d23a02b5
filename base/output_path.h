// Checks of the paths to which a program will write its results. Programs call them before the
// work.
#pragma once

#include <filesystem>

namespace osteon {

// Throws Error naming the option unless a file can be written to `path`. Leaves no file behind.
void check_can_write_file(const char* option, const std::filesystem::path& path);

// Throws Error naming the option unless files can be written in the folder `path`, which need not
// exist. Leaves no file and no folder behind.
void check_can_fill_folder(const char* option, const std::filesystem::path& path);

// Throws UsageError naming the option if `path` is in the folder of the data set `data`, because
// later runs would read it as a part of the data. Links are followed; `path` need not exist.
void check_outside_data(const char* option, const std::filesystem::path& path,
                        const std::filesystem::path& data);

}  // namespace osteon
