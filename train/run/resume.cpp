// Checks whether a run may be continued with the given options, data and machine.
#include "train/run/resume.h"

#include <algorithm>

#include "base/checksums.h"
#include "base/error.h"
#include "base/instruction_set.h"
#include "base/json.h"
#include "base/parallel.h"
#include "base/text.h"
#include "comm/process_group.h"
#include "eval/model_file.h"
#include "train/option_table.h"

namespace osteon {
namespace {

namespace fs = std::filesystem;
using nlohmann::ordered_json;

std::string one_line(const ordered_json& value) { return json_text(value, -1); }

bool may_change(OnResume rule, const TrainOptions& options) {
  return rule == OnResume::may_change || rule == OnResume::changes_bits ||
         (rule == OnResume::unless_cosine && options.schedule != "cosine");
}

// The links to checkpoints, and the temporary links that a run leaves if it is killed while it
// moves one. The program never follows the temporary links; the next checkpoint replaces them.
constexpr const char* kOwnLinks[] = {"last", "best", ".last.tmp", ".best.tmp"};

// A folder from another person may contain links to places outside. Writing, cutting the log or
// removing old checkpoints would then change files that do not belong to the run.
void check_links(const fs::path& run) {
  for (const auto& entry : fs::directory_iterator(run)) {
    const bool own = std::ranges::count(kOwnLinks, entry.path().filename()) > 0;
    OSTEON_CHECK(!entry.is_symlink() || own, entry.path().string(),
                 " is a link; only last and best may be links in the folder of a run that is "
                 "resumed. Replace it by the file or folder it points to");
  }
}

}  // namespace

TrainOptions options_of_run(const fs::path& run) {
  if (run.empty()) throw UsageError("--out is required");
  const fs::path file = run / "config.json";
  OSTEON_CHECK(fs::is_regular_file(file), run.string(),
               " contains no run to resume: it has no config.json");
  const ordered_json config = read_json(file, kMaxConfigBytes);
  try {
    TrainOptions options = options_from_json(config);
    options.out = run;
    return options;
  } catch (const Error& error) {
    throw Error(format(file.string(), ": ", error.what()));
  }
}

void check_resumable(const TrainOptions& now) {
  const ordered_json before = to_json(options_of_run(now.out)), after = to_json(now);
  check_links(now.out);
  for_each_option(now, [&](const OptionInfo& info, const auto&, const auto&) {
    const std::string key = config_key(info.name);
    if (info.is_recorded && after[key] != before[key] && !may_change(info.on_resume, now))
      throw UsageError(format("--", info.name, " is ", one_line(after[key]), " but the run in ",
                              now.out.string(), " began with ", one_line(before[key]),
                              "; leave the option out, or begin a new run"));
  });
}

ordered_json describe_machine(const TrainOptions& options, const Device& device) {
  return {{"device", describe(device)},
          {"backend", options.backend},
          {"threads", num_threads()},
          {"instruction_set", name_of(instruction_set())},
          {"processes", options.shards > 0 ? 1 : world().size()},
          {"version", OSTEON_VERSION}};
}

std::string machine_differences(const ordered_json& before, const ordered_json& now) {
  std::string text;
  for (const auto& [key, value] : now.items()) {
    // Runs of earlier versions had one process.
    const ordered_json absent = key == "processes" ? ordered_json(1) : ordered_json();
    const ordered_json old = before.is_object() ? before.value(key, absent) : absent;
    if (value != old)
      text += format(text.empty() ? "" : ", ", key, " ", one_line(value), " instead of ",
                     one_line(old));
  }
  return text;
}

std::string samples_checksum(const Manifest& manifest) {
  std::string text;
  for (const Sample& sample : manifest.samples) {
    text += format(sample.name, '\0', sample.label, sample.study, '\0', sample.patient, '\0',
                   sample.part, '\0', split_name(sample.split), '\n');
    for (const std::int8_t label : sample.labels) text += format(static_cast<int>(label), ' ');
    if (manifest.task == "regression") text += exact_text(sample.value);
  }
  return crc32_of(text);
}

}  // namespace osteon
