// Reads the results of runs and evaluates them as one.
#include "eval/pool_folds.h"

#include <algorithm>
#include <set>

#include "base/file.h"
#include "base/text.h"
#include "eval/model_file.h"
#include "eval/report/report.h"

namespace osteon {
namespace {

namespace fs = std::filesystem;

// Without building the model.
ModelInfo info_of(const fs::path& run) {
  const fs::path file = find_model_file(run);
  try {
    return read_model_info(read_safetensors(file).metadata);
  } catch (const std::exception& error) {
    throw Error(format(file.string(), ": ", error.what()));
  }
}

std::vector<ModelInfo> infos_of(const std::vector<fs::path>& runs) {
  std::vector<ModelInfo> infos;
  for (const fs::path& run : runs) infos.push_back(info_of(run));
  const ModelInfo& first = infos.front();
  for (std::size_t i = 1; i < infos.size(); ++i)
    OSTEON_CHECK(infos[i].task == first.task && infos[i].classes == first.classes,
                 "folds of one data set have one task, but ", runs[0].string(), " has ", first.task,
                 " (", join(first.classes), ") and ", runs[i].string(), " has ", infos[i].task,
                 " (", join(infos[i].classes), ")");
  return infos;
}

// A warning if folds are missing or were drawn in several ways; else empty.
std::string folds_warning(const std::vector<ModelInfo>& infos) {
  const FoldOptions& first = infos.front().split.folds;
  std::set<std::int64_t> given;
  for (const ModelInfo& info : infos) {
    if (info.split.folds.folds != first.folds || info.split.seed != infos.front().split.seed)
      return "the runs have different --folds or --split-seed, so their training images may be "
             "test images of others, and some images may be in none";
    given.insert(info.split.folds.fold);
  }
  std::vector<std::string> missing;
  for (std::int64_t fold = 0; fold < first.folds; ++fold)
    if (!given.contains(fold)) missing.push_back(format(fold));
  if (missing.empty()) return "";
  return format("of ", first.folds, " folds these are missing: ", join(missing));
}

Report make_report(const std::vector<fs::path>& runs, const std::vector<ModelInfo>& infos,
                   const TaskResult& result, const BootstrapOptions& bootstrap,
                   const std::string& warning) {
  std::vector<std::string> names;
  for (const fs::path& run : runs) names.push_back(run.string());
  Report report;
  report.title = format(infos.front().arch, ", test images of ", runs.size(), " folds");
  report.warning = warning;
  report.facts = {{"Runs", join(names)}, {"Model", infos.front().arch}};
  Facts facts = result.facts();  // each run has a temperature of its own
  std::erase_if(facts, [](const auto& fact) { return fact.first == "Temperature"; });
  std::ranges::move(facts, std::back_inserter(report.facts));
  report.facts.emplace_back("Bootstrap",
                            format(bootstrap.draws, " draws of patients, seed ", bootstrap.seed));
  report.facts.emplace_back("Version", format("Osteon ", OSTEON_VERSION));
  report.task = result.report(bootstrap.seed);
  report.task.galleries.clear();
  return report;
}

}  // namespace

std::unique_ptr<TaskResult> pool_folds(const std::vector<fs::path>& runs,
                                       const PoolOptions& options, const fs::path& out,
                                       Progress& progress) {
  const std::vector<ModelInfo> infos = infos_of(runs);
  const std::unique_ptr<Task> task = task_of(infos.front());
  std::unique_ptr<TaskResult> other;
  if (!options.compare.empty()) other = task->read_result(options.compare);
  std::error_code error;
  fs::create_directories(out, error);
  OSTEON_CHECK(!error, "cannot create ", out.string(), ": ", error.message());
  std::unique_ptr<TaskResult> result = task->pool(runs, options.bootstrap);
  const std::string warning = folds_warning(infos);
  if (!warning.empty()) progress.warn(warning);
  result->write(out);
  if (other) result->compare(*other, options.compare.string(), out);
  write_file_atomically(out / "report.html",
                        report_html(make_report(runs, infos, *result, options.bootstrap, warning)));
  return result;
}

}  // namespace osteon
