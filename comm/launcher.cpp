// Recognises launchers by their variables, and opens shared libraries.
#include "comm/launcher.h"

#include <dlfcn.h>
#include <sched.h>

#include <charconv>
#include <cstdlib>
#include <cstring>

#include "base/error.h"

namespace osteon {
namespace {

bool is_set(const char* variable) { return std::getenv(variable) != nullptr; }

// A number in the environment, 0 if there is none.
int number_in(const char* variable) {
  int number = 0;
  if (const char* text = std::getenv(variable))
    std::from_chars(text, text + std::strlen(text), number);
  return number;
}

std::string file_of(const std::string& library) { return "osteon_mpi_" + library + ".so"; }

const char* package_of(const std::string& library) {
  return library == "mpich" ? "libmpich-dev" : "libopenmpi-dev";
}

// CMake chooses Debian's default, which is Open MPI, if both are installed.
const char* option_of(const std::string& library) {
  return library == "mpich" ? " with -DMPI_EXECUTABLE_SUFFIX=.mpich" : "";
}

// The path of a library in one of the folders, empty if there is none.
std::filesystem::path find(const std::string& library) {
  std::error_code error;
  for (const std::filesystem::path& folder : transport_folders())
    if (std::filesystem::exists(folder / file_of(library), error)) return folder / file_of(library);
  return {};
}

[[noreturn]] void fail_without_library(const Launcher& launcher) {
  const std::string begin =
      format(launcher.name, " started this process as one of ", launcher.processes, ", but ");
  OSTEON_CHECK(!launcher.libraries.empty(), begin,
               "without PMI, so that the processes cannot find each other: use srun --mpi=pmix");
  std::string other, places;
  for (const std::string library : {"openmpi", "mpich"})
    if (!find(library).empty())
      other = format(", or start it with the mpirun of the library that is there: ",
                     library == "mpich" ? "MPICH (mpirun.mpich)" : "Open MPI (mpirun.openmpi)");
  for (const std::filesystem::path& folder : transport_folders())
    places += (places.empty() ? "" : " and ") + folder.string();
  const std::string& library = launcher.libraries.front();
  throw Error(format(begin, "there is no ", file_of(library), " in ", places, ": install ",
                     package_of(library), " and build again", option_of(library), other));
}

}  // namespace

Launcher find_launcher() {
  Launcher launcher;
  const int step_tasks = number_in("SLURM_STEP_NUM_TASKS");
  if (is_set("OMPI_COMM_WORLD_SIZE")) {
    launcher.name = "Open MPI's mpirun";
    launcher.libraries = {"openmpi"};
    launcher.processes = number_in("OMPI_COMM_WORLD_SIZE");
    launcher.binds_by_default = !is_set("OMPI_MCA_hwloc_base_binding_policy");
  } else if (is_set("PMIX_RANK") && step_tasks > 0) {
    launcher = {"srun", {"openmpi", "mpich"}, step_tasks, false};
  } else if (is_set("PMI_RANK")) {
    launcher.name = step_tasks > 0 && !is_set("HYDI_CONTROL_FD") ? "srun" : "MPICH's mpirun";
    launcher.libraries = {"mpich"};
    if (launcher.name == "srun") launcher.libraries.emplace_back("openmpi");
    launcher.processes = number_in("PMI_SIZE");
  } else if (step_tasks > 1) {
    launcher = {"srun", {}, step_tasks, false};
  }
  return launcher;
}

std::vector<std::filesystem::path> transport_folders() {
  if (const char* folder = std::getenv("OSTEON_MPI_FOLDER")) return {folder};
  std::error_code error;
  const std::filesystem::path program = std::filesystem::read_symlink("/proc/self/exe", error);
  const std::filesystem::path parent = program.parent_path().parent_path();
  return {parent / "lib/osteon", parent.parent_path() / "lib/osteon"};
}

const OsteonTransport* open_transport(const Launcher& launcher) {
  for (const std::string& library : launcher.libraries) {
    const std::filesystem::path path = find(library);
    if (path.empty()) continue;
    // Open MPI's own plug-ins need its symbols, hence RTLD_GLOBAL.
    void* handle = ::dlopen(path.c_str(), RTLD_NOW | RTLD_GLOBAL);
    OSTEON_CHECK(handle != nullptr, "cannot open the MPI library: ", ::dlerror(), "; install ",
                 package_of(library), ", or build again with the MPI of this machine");
    const auto table =
        reinterpret_cast<decltype(&osteon_transport)>(::dlsym(handle, "osteon_transport"));
    OSTEON_CHECK(table != nullptr && table()->version == kOsteonTransportVersion, path.string(),
                 " is of another version than this program: build or install both again");
    return table();
  }
  if (launcher.processes > 1) fail_without_library(launcher);
  return nullptr;
}

void use_all_cores(const Launcher& launcher) {
  if (!launcher.binds_by_default) return;
  cpu_set_t all;
  for (int cpu = 0; cpu < CPU_SETSIZE; ++cpu) CPU_SET(cpu, &all);
  // The kernel removes those that the machine or the control group lacks. A refusal leaves the
  // binding, which costs speed only.
  ::sched_setaffinity(0, sizeof all, &all);
}

}  // namespace osteon
