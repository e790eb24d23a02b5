// log.jsonl: what happened in a run, a JSON object a line, for curves and for programs that watch.
#pragma once

#include <cstdint>
#include <filesystem>
#include <nlohmann/json.hpp>

namespace osteon {

class RunLog {
 public:
  // Begins a new log, or goes on with one after its first `keep` bytes, cutting off what follows.
  // Throws Error naming the file when it cannot be written or has fewer bytes.
  explicit RunLog(const std::filesystem::path& path, std::int64_t keep = 0);
  ~RunLog();
  RunLog(const RunLog&) = delete;
  RunLog& operator=(const RunLog&) = delete;

  // Appends one line and hands it to the system at once. A number that is not finite becomes null,
  // as JSON has no other word for it. Throws Error naming the file when the disk is full; the file
  // then ends with the line before.
  void write(const nlohmann::ordered_json& line);

  // Makes all lines so far durable and returns the size of the file: what a checkpoint notes.
  std::int64_t sync() const;

 private:
  std::filesystem::path path_;
  int file_;
  std::int64_t size_;
};

}  // namespace osteon
