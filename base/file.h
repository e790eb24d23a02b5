// Writing a whole file so that a reader, a crash or a full disk never meets half of one.
#pragma once

#include <filesystem>
#include <span>
#include <string_view>

namespace osteon {

// Makes `contents` the whole contents of the file `path`: writes a temporary beside it, syncs that
// to the disk and renames it over `path`, so that every moment shows either the old file or the new
// one. A symbolic link is followed; the folder must exist. Throws Error naming `path` and the
// system's reason (no such folder, no permission, disk full, not a regular file); the old file is
// then as it was and the temporary is gone. Only a failure to sync the folder itself comes after
// the rename.
void write_file_atomically(const std::filesystem::path& path, std::string_view contents);
// The same for contents that lie in several places, written one after the other.
void write_file_atomically(const std::filesystem::path& path,
                           std::span<const std::string_view> pieces);

// Makes what was created, renamed or removed as `path` durable by syncing the folder it is in.
// Throws Error naming `path`.
void sync_folder_of(const std::filesystem::path& path);

}  // namespace osteon
