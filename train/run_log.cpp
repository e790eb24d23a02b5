// The log's file.
#include "train/run_log.h"

#include "tensor/error.h"

namespace osteon {

RunLog::RunLog(const std::filesystem::path& path) : path_(path), file_(path, std::ios::trunc) {
  OSTEON_CHECK(file_.is_open(), "cannot write ", path.string(),
               " (the folder must exist and be writable)");
}

void RunLog::write(const nlohmann::ordered_json& line) {
  file_ << line.dump() << '\n' << std::flush;
  OSTEON_CHECK(file_.good(), "cannot write ", path_.string(), ": is the disk full?");
}

}  // namespace osteon
