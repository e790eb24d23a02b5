// The list of tasks: one line each.
#include "eval/task.h"

#include "base/error.h"
#include "eval/binary_task.h"
#include "eval/multiclass_task.h"

namespace osteon {
namespace {

struct NamedTask {
  const char* name;
  std::unique_ptr<Task> (*make)(const std::vector<std::string>& classes);
};

constexpr NamedTask kTasks[] = {{"binary", make_binary_task}, {"multiclass", make_multiclass_task}};

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

}  // namespace osteon
