// The list of tasks: one line each.
#include "eval/task.h"

#include "base/error.h"
#include "eval/binary_task.h"
#include "eval/calibration.h"
#include "eval/class_task.h"
#include "eval/multilabel_task.h"
#include "eval/regression_task.h"

namespace osteon {
namespace {

struct NamedTask {
  const char* name;
  std::unique_ptr<Task> (*make)(const std::vector<std::string>& classes);
};

constexpr NamedTask kTasks[] = {{"binary", make_binary_task},
                                {"multiclass", make_multiclass_task},
                                {"ordinal", make_ordinal_task},
                                {"multilabel", make_multilabel_task},
                                {"regression", make_regression_task}};

[[noreturn]] void refuse_threshold(const Task& task) {
  throw UsageError(
      format("--threshold: the task ", task.name(), " has no threshold; leave the option out"));
}

}  // namespace

void add_share(ImageValues& mean, const ImageValues& values, double count) {
  mean.columns = values.columns;
  mean.values.resize(values.values.size());
  for (std::size_t i = 0; i < values.values.size(); ++i) mean.values[i] += values.values[i] / count;
}

std::unique_ptr<Task> make_task(const std::string& name, const std::vector<std::string>& classes) {
  std::string known;
  for (const auto& [task, make] : kTasks) {
    if (task == name) return make(classes);
    known += (known.empty() ? "" : ", ") + std::string(task);
  }
  throw Error(format("unknown task \"", name, "\"; known are ", known));
}

std::unique_ptr<Task> task_of(const ModelInfo& info) { return make_task(info.task, info.classes); }

void check_no_threshold(const Task& task, const std::string& threshold) {
  if (parse_threshold(threshold) != kDefaultThreshold) refuse_threshold(task);
}

void Task::set_threshold(ModelInfo&, const std::string&, const Samples&, const ImageValues&) const {
  refuse_threshold(*this);
}

}  // namespace osteon
