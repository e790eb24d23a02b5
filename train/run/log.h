// log.jsonl: the events of a run, one JSON object per line, for curves and for programs that
// observe the run.
#pragma once

#include <cstdint>
#include <filesystem>
#include <nlohmann/json.hpp>

namespace osteon {

class RunLog {
 public:
  // Begins a new log, or continues one after its first `keep` bytes and cuts off the rest. Throws
  // Error naming the file if it cannot be written or has fewer than `keep` bytes.
  explicit RunLog(const std::filesystem::path& path, std::int64_t keep = 0);
  ~RunLog();
  RunLog(const RunLog&) = delete;
  RunLog& operator=(const RunLog&) = delete;

  // Appends one line and passes it to the operating system at once (unbuffered). A number that is
  // not finite becomes null,
  // because JSON cannot represent it. Throws Error naming the file if the disk is full; the file
  // then ends with the previous line.
  void write(const nlohmann::ordered_json& line);

  // Syncs all lines and returns the size of the file, which a checkpoint records.
  std::int64_t sync() const;

 private:
  std::filesystem::path path_;
  int file_;
  std::int64_t size_;
};

}  // namespace osteon
