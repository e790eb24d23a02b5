// Atomic writing of whole files: no reader, crash or full disk leaves a partial file.
#pragma once

#include <filesystem>
#include <span>
#include <string_view>

namespace osteon {

// Replaces the contents of the file `path`: writes a temporary file in the same folder, syncs it to
// the disk and renames it to `path`. At any time `path` is either the old or the new file. A
// symbolic link is followed; the folder must exist. Throws Error naming `path` and the system's
// reason (no such folder, no permission, disk full, not a regular file). After an error the old
// file is unchanged and the temporary file is removed. Only a failure to sync the folder can occur
// after the rename.
void write_file_atomically(const std::filesystem::path& path, std::string_view contents);
// The same for contents in several pieces, written in order.
void write_file_atomically(const std::filesystem::path& path,
                           std::span<const std::string_view> pieces);

// Whether `path` is `folder` or lies in it; links are followed, and neither has to exist.
bool is_inside(const std::filesystem::path& path, const std::filesystem::path& folder);

// Throws UsageError naming the option if it would write into the data set's folder, which readers
// then take for a part of the data.
void check_outside_data(const char* option, const std::filesystem::path& path,
                        const std::filesystem::path& data);

// Makes the creation, renaming or removal of `path` durable by syncing its folder. Throws Error
// naming `path`.
void sync_folder_of(const std::filesystem::path& path);

}  // namespace osteon
