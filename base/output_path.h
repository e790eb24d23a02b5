// Checks of the paths that a program is to write to, before the work whose result is written there.
#pragma once

#include <filesystem>

namespace osteon {

// Throws Error naming the option unless a file can be written to `path`. Leaves no trace.
void check_can_write_file(const char* option, const std::filesystem::path& path);

// Throws Error naming the option unless the folder `path` can be filled, or made and filled. Leaves
// no trace.
void check_can_fill_folder(const char* option, const std::filesystem::path& path);

// Throws UsageError naming the option if `path` is in the folder of the data set `data`, whose
// reader would take it for a part of the data. Links are followed; `path` need not exist.
void check_outside_data(const char* option, const std::filesystem::path& path,
                        const std::filesystem::path& data);

}  // namespace osteon
