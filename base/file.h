// Atomic writing of whole files: no reader, crash or full disk leaves a partial file.
#pragma once

#include <filesystem>
#include <span>
#include <string_view>

namespace osteon {

// Replaces the contents of the file `path`: writes a temporary file in the same folder, syncs it to
// the disk and renames it to `path`. At any time `path` is either the old or the new file. A
// symbolic link is followed; the folder must exist. Throws Error naming `path` and the reason (no
// such folder, no permission, disk full, not a regular file). After an error the old file is
// unchanged and the temporary file is removed, except if only the last step, the sync of the
// folder, fails.
void write_file_atomically(const std::filesystem::path& path, std::string_view contents);
// The same for contents in several pieces, written in order.
void write_file_atomically(const std::filesystem::path& path,
                           std::span<const std::string_view> pieces);

// Whether `path` is a stream: /dev/stdout, /dev/fd/N, a named pipe, a terminal or another character
// device. write_file_atomically writes to a stream directly, after it has flushed std::cout.
bool is_stream(const std::filesystem::path& path);

// Makes the creation, renaming or removal of `path` durable by syncing its folder. Throws Error
// naming `path`.
void sync_folder_of(const std::filesystem::path& path);

}  // namespace osteon
