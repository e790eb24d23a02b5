// Short training runs that tests start, stop and resume.
#pragma once

#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>
#include <string>
#include <vector>

#include "tests/support/child_process.h"
#include "tests/support/tiny_data.h"
#include "train/options.h"

namespace osteon {

inline std::string read_text(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

inline std::vector<nlohmann::json> read_lines(const std::filesystem::path& path) {
  std::ifstream file(path);
  std::vector<nlohmann::json> lines;
  for (std::string line; std::getline(file, line);) lines.push_back(nlohmann::json::parse(line));
  return lines;
}

inline TrainOptions tiny_options(const std::filesystem::path& data,
                                 const std::filesystem::path& out) {
  TrainOptions options;
  options.data = data;
  options.out = out;
  options.arch = "resnet18";
  options.width = 8;
  options.image_size = 32;
  options.batch_size = 8;
  options.epochs = 2;
  options.workers = 1;
  options.quiet = true;
  return options;
}

// The results that must not depend on interruptions: the losses of steps and epochs, and the
// weights.
struct RunRecord {
  std::vector<double> losses;
  std::string last, best;
  bool operator==(const RunRecord&) const = default;
};

inline RunRecord record_of(const std::filesystem::path& run) {
  RunRecord record;
  for (const nlohmann::json& line : read_lines(run / "log.jsonl"))
    record.losses.push_back(line["loss"].get<double>());
  record.last = read_text(run / "last/model.safetensors");
  record.best = read_text(run / "best/model.safetensors");
  return record;
}

// The command line of train_mura for such a run: three steps per epoch, a checkpoint after each
// step.
inline std::vector<std::string> tiny_command(const std::filesystem::path& data,
                                             const std::filesystem::path& out) {
  return {std::string(OSTEON_PROGRAMS) + "/train_mura",
          "--data",
          data.string(),
          "--out",
          out.string(),
          "--arch",
          "resnet18",
          "--width",
          "8",
          "--image-size",
          "32",
          "--batch-size",
          "8",
          "--optimizer",
          "sgd",
          "--lr",
          "0.01",
          "--epochs",
          "2",
          "--threads",
          "1",
          "--save-every",
          "1e-9"};
}

inline std::vector<std::string> resume_command(const std::filesystem::path& out, int workers) {
  return {std::string(OSTEON_PROGRAMS) + "/train_mura",
          "--out",
          out.string(),
          "--resume",
          "--workers",
          std::to_string(workers)};
}

}  // namespace osteon
