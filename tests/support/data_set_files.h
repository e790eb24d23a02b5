// Small data sets that a test writes, and the errors of reading them.
#pragma once

#include <string>
#include <vector>

#include "base/error.h"
#include "data/manifest.h"
#include "tests/support/temporary_folder.h"

namespace osteon {

struct DataSetFile {
  std::string name, contents;
};
using DataSetFiles = std::vector<DataSetFile>;

inline void write_all(const TemporaryFolder& folder, const DataSetFiles& files) {
  for (const DataSetFile& file : files) folder.write(file.name, file.contents);
}

// The message, which begins with "usage: " for a UsageError.
inline std::string error_of(const std::filesystem::path& data,
                            const ManifestOptions& options = {}) {
  try {
    read_manifest(data, options);
  } catch (const UsageError& error) {
    return std::string("usage: ") + error.what();
  } catch (const Error& error) {
    return error.what();
  }
  return "no error";
}

}  // namespace osteon
