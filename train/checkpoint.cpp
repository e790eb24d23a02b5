// Writing checkpoints so that no moment shows half of one.
#include "train/checkpoint.h"

#include <set>

#include "tensor/file.h"

namespace osteon {
namespace {

namespace fs = std::filesystem;

constexpr const char* kLinks[] = {"last", "best"};

// Runs one step of the file system's, turning its exceptions into ours.
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

void remove_unlinked(const fs::path& run) {
  std::set<fs::path> kept;
  for (const char* name : kLinks)
    if (fs::is_symlink(run / name)) kept.insert(fs::read_symlink(run / name).filename());
  std::set<fs::path> old;
  for (const auto& entry : fs::directory_iterator(run / "checkpoints"))
    if (!kept.contains(entry.path().filename())) old.insert(entry.path());
  for (const fs::path& folder : old) fs::remove_all(folder);
}

}  // namespace

void save_checkpoint(const fs::path& run, std::int64_t step, const Module& model,
                     const ModelInfo& info, const Optimizer& optimizer,
                     nlohmann::ordered_json state, bool is_best) {
  const fs::path name = format("step-", step);
  const fs::path folder = run / "checkpoints" / name;
  const fs::path partial = run / "checkpoints" / format(".", name.string(), ".partial");
  const OptimizerState optimizer_state = optimizer.state_dict();
  state["step"] = step;
  state["optimizer"] = optimizer_state.scalars;
  attempt(folder, [&] {
    fs::remove_all(partial);
    fs::create_directories(partial);
    write_safetensors(partial / "model.safetensors", to_model_file(model, info));
    write_safetensors(partial / "optimizer.safetensors", optimizer_state.tensors);
    write_file_atomically(partial / "state.json", state.dump(2) + "\n");
    fs::remove_all(folder);
    fs::rename(partial, folder);
    sync_folder_of(folder);
  });
  swap_link(run, "last", fs::path("checkpoints") / name);
  if (is_best) swap_link(run, "best", fs::path("checkpoints") / name);
  attempt(run / "checkpoints", [&] { remove_unlinked(run); });
}

}  // namespace osteon
