// Reads pointers.json and checks it, finds the last and best checkpoint if there is no
// pointers.json, and writes it.
#include "eval/run_pointers.h"

#include <algorithm>
#include <tuple>

#include "base/checksums.h"
#include "base/file.h"
#include "base/json.h"
#include "eval/model_file.h"

namespace osteon {
namespace {

namespace fs = std::filesystem;
using nlohmann::ordered_json;

constexpr const char* kPointersFile = "pointers.json";
constexpr std::size_t kMaxPointersBytes = 100'000;

bool is_number(std::string_view text) {
  return !text.empty() && std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; });
}

// The name of a checkpoint in `pointers`, empty if there is none.
std::string name_in(const ordered_json& pointers, const char* key) {
  if (!pointers.contains(key) || pointers[key].is_null()) return {};
  const std::string name = pointers[key].get<std::string>();
  OSTEON_CHECK(is_checkpoint_name(name), key, " is '", name, "', not the name of a checkpoint");
  return name;
}

RunPointers pointers_from_json(const ordered_json& json) {
  RunPointers pointers{name_in(json, "last"), name_in(json, "best"), {}};
  OSTEON_CHECK(!pointers.last.empty(), "'last' is missing");
  if (json.contains("superseded"))
    for (const ordered_json& name : json["superseded"]) {
      pointers.superseded.push_back(name.get<std::string>());
      OSTEON_CHECK(is_checkpoint_name(pointers.superseded.back()), "'superseded' contains '",
                   pointers.superseded.back(), "', not the name of a checkpoint");
    }
  return pointers;
}

RunPointers read_pointers(const fs::path& run) {
  const fs::path file = run / kPointersFile;
  constexpr const char* kWayOut =
      "; if this file is removed, the newest complete checkpoint is the last one";
  const ordered_json json = read_json(file, kMaxPointersBytes);
  try {
    RunPointers pointers = pointers_from_json(json);
    for (const std::string& name : {pointers.last, pointers.best})
      OSTEON_CHECK(name.empty() || fs::is_directory(run / kCheckpoints / name), "it names ", name,
                   ", which is not in ", (run / kCheckpoints).string());
    return pointers;
  } catch (const std::exception& error) {
    throw Error(format(file.string(), ": ", error.what(), kWayOut));
  }
}

ordered_json complete_state(const fs::path& folder) {
  return read_checked_json(folder / kStateFile, kMaxStateBytes, {kModelFile, kOptimizerFile});
}

std::string best_in(const ordered_json& state) {
  const ordered_json best = state.value("best", ordered_json());
  return best.is_object() ? name_in(best, "checkpoint") : std::string();
}

// The newest complete checkpoint of a run that has some folders of checkpoints.
RunPointers newest_complete(const fs::path& run, const std::vector<fs::path>& folders) {
  RunPointers newest;
  std::tuple<std::int64_t, std::int64_t> position{-1, -1};  // step and epoch
  std::string fault;
  for (const fs::path& folder : folders) try {
      const ordered_json state = complete_state(folder);
      const std::tuple here{to_integer<std::int64_t>("step", state.at("step")),
                            to_integer<std::int64_t>("epoch", state.at("epoch"))};
      if (here <= position) continue;
      position = here;
      newest = {folder.filename().string(), best_in(state), {}};
    } catch (const std::exception& error) {
      fault = error.what();
    }
  OSTEON_CHECK(!newest.last.empty(), run.string(), " has checkpoints, but no complete one: ", fault,
               "; restore it, or remove them to begin the run again");
  return newest;
}

std::vector<fs::path> checkpoint_folders(const fs::path& run) {
  std::vector<fs::path> folders;
  std::error_code error;
  for (fs::directory_iterator entry(run / kCheckpoints, error), end; entry != end;
       entry.increment(error))
    if (entry->is_directory() && is_checkpoint_name(entry->path().filename().string()))
      folders.push_back(entry->path());
  OSTEON_CHECK(!error || error == std::errc::no_such_file_or_directory, "cannot list ",
               (run / kCheckpoints).string(), ": ", error.message());
  std::ranges::sort(folders);
  return folders;
}

std::string link_to(const fs::path& run, const char* name, const std::string& checkpoint) {
  const fs::path link = run / name, temporary = run / format(".", name, ".tmp");
  if (fs::exists(fs::symlink_status(link)) && !fs::is_symlink(link))
    return format(link.string(), " is not a link");
  std::error_code error;
  fs::remove(temporary, error);
  if (!error) fs::create_directory_symlink(fs::path(kCheckpoints) / checkpoint, temporary, error);
  if (!error) fs::rename(temporary, link, error);
  return error ? format("no link ", link.string(), ": ", error.message()) : std::string();
}

}  // namespace

bool is_checkpoint_name(const std::string& name) {
  constexpr std::string_view kStart = "step-";
  if (!name.starts_with(kStart)) return false;
  const std::string_view number = std::string_view(name).substr(kStart.size());
  const std::size_t dot = number.find('.');
  return is_number(number.substr(0, dot)) &&
         (dot == std::string_view::npos || is_number(number.substr(dot + 1)));
}

std::optional<RunPointers> find_pointers(const fs::path& run) {
  if (fs::exists(run / kPointersFile)) return read_pointers(run);
  const std::vector<fs::path> folders = checkpoint_folders(run);
  if (fs::is_symlink(run / "last")) {
    const fs::path folder = run / kCheckpoints / fs::read_symlink(run / "last").filename();
    if (std::ranges::count(folders, folder) > 0)
      return RunPointers{folder.filename().string(), best_in(complete_state(folder)), {}};
  }
  if (!folders.empty()) return newest_complete(run, folders);
  for (const char* copy : {"last", "best"})
    OSTEON_CHECK(!fs::exists(run / copy / kModelFile), (run / copy).string(),
                 " is a copy of a checkpoint, but ", (run / kCheckpoints).string(),
                 " has none; copy it there as step-N, N being the step in its ", kStateFile);
  return std::nullopt;
}

std::string write_pointers(const fs::path& run, const RunPointers& pointers) {
  ordered_json json{{"last", pointers.last},
                    {"best", pointers.best.empty() ? ordered_json() : ordered_json(pointers.best)}};
  if (!pointers.superseded.empty()) json["superseded"] = pointers.superseded;
  write_file_atomically(run / kPointersFile, json.dump(2) + "\n");
  std::string fault = link_to(run, "last", pointers.last);
  if (!pointers.best.empty()) fault = link_to(run, "best", pointers.best) + fault;
  return fault;
}

}  // namespace osteon
