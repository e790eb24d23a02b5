// Writes checkpoints so that no incomplete one is ever visible, and reads them with all checks.
#include "train/run/checkpoint.h"

#include <set>

#include "base/checksums.h"
#include "base/file.h"

namespace osteon {
namespace {

namespace fs = std::filesystem;
using nlohmann::ordered_json;

constexpr const char* kLinks[] = {"last", "best"};
constexpr const char* kOptimizer = "optimizer.safetensors";

// Runs one operation on the file system; its exceptions become Error.
template <class Step>
void attempt(const fs::path& path, const Step& step) {
  try {
    step();
  } catch (const fs::filesystem_error& error) {
    throw Error(format("cannot write checkpoint ", path.string(), ": ", error.code().message()));
  }
}

void swap_link(const fs::path& run, const char* name, const fs::path& target) {
  const fs::path link = run / name, temporary = run / format(".", name, ".tmp");
  attempt(link, [&] {
    OSTEON_CHECK(!fs::exists(fs::symlink_status(link)) || fs::is_symlink(link), link.string(),
                 " exists and is not a link of an earlier checkpoint; choose another --out");
    fs::remove(temporary);
    fs::create_directory_symlink(target, temporary);
    fs::rename(temporary, link);
    sync_folder_of(link);
  });
}

// The folders in checkpoints/ that `last` and `best` point to.
std::set<fs::path> linked(const fs::path& run) {
  std::set<fs::path> names;
  for (const char* name : kLinks)
    if (fs::is_symlink(run / name)) names.insert(fs::read_symlink(run / name).filename());
  return names;
}

// Removes old checkpoints, and incomplete ones of a killed run.
void remove_unlinked(const fs::path& run) {
  const std::set<fs::path> kept = linked(run);
  std::set<fs::path> old;
  for (const auto& entry : fs::directory_iterator(run / "checkpoints"))
    if (!kept.contains(entry.path().filename())) old.insert(entry.path());
  for (const fs::path& folder : old) fs::remove_all(folder);
}

void write_folder(const fs::path& folder, const Module& model, const ModelInfo& info,
                  const Optimizer& optimizer, ordered_json state) {
  const OptimizerState optimizer_state = optimizer.state_dict();
  fs::create_directories(folder);
  write_safetensors(folder / kModelFile, to_model_file(model, info));
  write_safetensors(folder / kOptimizer, optimizer_state.tensors);
  state["optimizer"] = optimizer_state.scalars;
  for (const char* file : {kModelFile, kOptimizer})
    state["files"][file] = file_checksum(folder / file);
  write_file_atomically(folder / kStateFile, to_checked_json(state));
}

}  // namespace

std::string checkpoint_name(const fs::path& run, std::int64_t step) {
  const std::set<fs::path> taken = linked(run);
  std::string name = format("step-", step);
  for (int i = 1; taken.contains(name); ++i) name = format("step-", step, ".", i);
  return name;
}

void save_checkpoint(const fs::path& run, const std::string& name, const Module& model,
                     const ModelInfo& info, const Optimizer& optimizer, ordered_json state,
                     bool is_best) {
  const fs::path folder = run / "checkpoints" / name;
  const fs::path partial = run / "checkpoints" / format(".", name, ".partial");
  attempt(folder, [&] {
    fs::create_directories(run / "checkpoints");
    remove_unlinked(run);  // first, because it frees space
    try {
      write_folder(partial, model, info, optimizer, std::move(state));
      fs::rename(partial, folder);
    } catch (...) {
      std::error_code ignored;
      fs::remove_all(partial, ignored);
      throw;
    }
    sync_folder_of(folder);
  });
  const fs::path target = fs::path("checkpoints") / name;
  swap_link(run, "last", target);
  if (is_best) swap_link(run, "best", target);
  attempt(run / "checkpoints", [&] { remove_unlinked(run); });
}

Checkpoint load_checkpoint(const fs::path& folder) {
  Checkpoint checkpoint;
  checkpoint.state =
      read_checked_json(folder / kStateFile, kMaxStateBytes, {kModelFile, kOptimizer});
  checkpoint.model = read_safetensors(folder / kModelFile);
  checkpoint.optimizer.tensors = read_safetensors(folder / kOptimizer);
  checkpoint.optimizer.scalars = checkpoint.state.value("optimizer", ordered_json());
  return checkpoint;
}

void restore_best(const fs::path& run, const std::string& name) {
  const fs::path target = fs::path("checkpoints") / name;
  const bool is_inside = fs::path(name).filename() == name && name.starts_with("step-");
  OSTEON_CHECK(is_inside && fs::is_directory(run / target), "the best checkpoint so far, ",
               (run / target).string(), ", is missing");
  if (fs::is_symlink(run / "best") && fs::read_symlink(run / "best") == target) return;
  swap_link(run, "best", target);
}

}  // namespace osteon
