// log.jsonl: what happened in a run, a JSON object a line, for curves and for programs that watch.
#pragma once

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

namespace osteon {

class RunLog {
 public:
  // Begins a new log; throws Error naming the file when it cannot be written.
  explicit RunLog(const std::filesystem::path& path);

  // Appends one line and hands it to the system at once. A number that is not finite becomes null,
  // as JSON has no other word for it. Throws Error naming the file when the disk is full.
  void write(const nlohmann::ordered_json& line);

 private:
  std::filesystem::path path_;
  std::ofstream file_;
};

}  // namespace osteon
