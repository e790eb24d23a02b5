// Writes checkpoints atomically, and reads them with checks of their checksums and contents.
#include "train/run/checkpoint.h"

#include <algorithm>

#include "base/checksums.h"
#include "base/file.h"
#include "nn/state_dict.h"

namespace osteon {
namespace {

namespace fs = std::filesystem;
using nlohmann::ordered_json;

constexpr const char* kPartialEnding = ".partial";

// Runs one operation on the file system; its exceptions become Error.
template <class Step>
void attempt(const fs::path& path, const Step& step) {
  try {
    step();
  } catch (const fs::filesystem_error& error) {
    throw Error(format("cannot write checkpoint ", path.string(), ": ", error.code().message()));
  }
}

// The one of weights and average that is not in model.safetensors.
constexpr const char* kOtherFile = "other.safetensors";
constexpr const char* kAverageIsBetter = "average_is_better";  // member of state.json

void write_folder(const fs::path& folder, const CheckpointContents& contents, ordered_json state) {
  const OptimizerState optimizer_state = contents.optimizer.state_dict();
  fs::create_directories(folder);
  const auto write = [&](const char* file, const NamedTensors& tensors) {
    write_safetensors(folder / file, tensors);
    state["files"][file] = file_checksum(folder / file);
  };
  const bool swap = contents.is_average_better;
  write(kModelFile, to_model_file(swap ? *contents.average : contents.model, contents.info));
  write(kOptimizerFile, optimizer_state.tensors);
  state["optimizer"] = optimizer_state.scalars;
  if (contents.average != nullptr) {
    write(kOtherFile, state_dict(swap ? contents.model : *contents.average));
    state[kAverageIsBetter] = swap;
  }
  write_file_atomically(folder / kStateFile, to_checked_json(state));
}

RunPointers moved_to(const fs::path& run, const std::string& name, bool is_best,
                     const RunPointers& before) {
  RunPointers next{name, is_best ? name : before.best, {}};
  std::vector<std::string> former = before.superseded;
  former.insert(former.end(), {before.last, before.best});
  for (const std::string& old : former) {
    const bool is_listed = std::ranges::count(next.superseded, old) > 0;
    if (!old.empty() && old != next.best && !is_listed && fs::exists(run / kCheckpoints / old))
      next.superseded.push_back(old);
  }
  return next;
}

// Whether pointers.json names the checkpoint already; true if it cannot be read.
bool may_be_pointed_to(const fs::path& run, const std::string& name) {
  try {
    const std::optional<RunPointers> pointers = find_pointers(run);
    return pointers && (pointers->last == name || pointers->best == name);
  } catch (const std::exception&) {
    return true;
  }
}

// Whether `name` is .step-N.partial, a folder that save_checkpoint writes first.
bool is_partial(const std::string& name) {
  return name.starts_with('.') && name.ends_with(kPartialEnding) &&
         is_checkpoint_name(name.substr(1, name.find(kPartialEnding) - 1));
}

}  // namespace

std::string checkpoint_name(const fs::path& run, std::int64_t step) {
  std::string name = format("step-", step);
  for (int i = 1; fs::exists(fs::symlink_status(run / kCheckpoints / name)); ++i)
    name = format("step-", step, ".", i);
  return name;
}

std::string save_checkpoint(const fs::path& run, const std::string& name,
                            const CheckpointContents& contents, ordered_json state, bool is_best,
                            RunPointers& pointers) {
  const fs::path folder = run / kCheckpoints / name;
  const fs::path partial = run / kCheckpoints / format(".", name, kPartialEnding);
  std::string fault;
  attempt(folder, [&] {
    fs::create_directories(run / kCheckpoints);
    try {
      // [exercise 11b]
      write_folder(partial, contents, std::move(state));
      fs::rename(partial, folder);
      sync_folder_of(folder);
      const RunPointers next = moved_to(run, name, is_best, pointers);
      fault = write_pointers(run, next);
      pointers = next;
      // [exercise end]
    } catch (...) {
      std::error_code ignored;
      fs::remove_all(partial, ignored);
      if (!may_be_pointed_to(run, name)) fs::remove_all(folder, ignored);
      throw;
    }
  });
  return fault;
}

void remove_old_checkpoints(const fs::path& run, const RunPointers& pointers) {
  const fs::path folder = run / kCheckpoints;
  if (!fs::exists(folder)) return;
  attempt(folder, [&] {
    std::vector<fs::path> partial;
    for (const auto& entry : fs::directory_iterator(folder))
      if (is_partial(entry.path().filename().string())) partial.push_back(entry.path());
    for (const fs::path& old : partial) fs::remove_all(old);
    for (const std::string& old : pointers.superseded) fs::remove_all(folder / old);
  });
}

std::vector<std::string> other_checkpoints(const fs::path& run, const RunPointers& pointers) {
  std::vector<std::string> others;
  for (const auto& entry : fs::directory_iterator(run / kCheckpoints)) {
    const std::string name = entry.path().filename().string();
    if (is_checkpoint_name(name) && name != pointers.last && name != pointers.best &&
        std::ranges::count(pointers.superseded, name) == 0)
      others.push_back(name);
  }
  return others;
}

Checkpoint load_checkpoint(const fs::path& folder) {
  Checkpoint checkpoint;
  checkpoint.state =
      read_checked_json(folder / kStateFile, kMaxStateBytes, {kModelFile, kOptimizerFile});
  checkpoint.model = read_safetensors(folder / kModelFile);
  checkpoint.optimizer.tensors = read_safetensors(folder / kOptimizerFile);
  checkpoint.optimizer.scalars = checkpoint.state.value("optimizer", ordered_json());
  if (checkpoint.state.contains(kAverageIsBetter)) {
    read_checked_json(folder / kStateFile, kMaxStateBytes, {kOtherFile});
    checkpoint.average = read_safetensors(folder / kOtherFile);
    if (checkpoint.state[kAverageIsBetter] == true)
      std::swap(checkpoint.model.tensors, checkpoint.average.tensors);
  }
  return checkpoint;
}

}  // namespace osteon
