// Reads the environment of Open MPI's and MPICH's launchers and of Slurm.
#include "comm/launcher.h"

#include <sched.h>

#include <cstdlib>

#include "base/parallel.h"

namespace osteon {
namespace {

namespace fs = std::filesystem;

std::optional<int> number_in(const char* name) {
  const char* const text = std::getenv(name);
  return text == nullptr ? std::nullopt : std::optional(std::atoi(text));
}

}  // namespace

std::optional<Launch> find_launch() {
  if (const auto size = number_in("OMPI_COMM_WORLD_SIZE"))
    return Launch{"mpirun of Open MPI", *size, {"openmpi"}};
  if (const auto size = number_in("PMI_SIZE")) return Launch{"mpiexec of MPICH", *size, {"mpich"}};
  if (const auto size = number_in("SLURM_STEP_NUM_TASKS"); size && std::getenv("SLURM_PROCID"))
    return Launch{"srun", *size, {"openmpi", "mpich"}};
  return std::nullopt;
}

fs::path find_module(const std::string& name) {
  std::error_code error;
  fs::path folder = fs::read_symlink("/proc/self/exe", error).parent_path();
  for (int level = 0; level < 2; ++level) {
    folder = folder.parent_path();
    const fs::path module = folder / "lib/osteon" / ("osteon_mpi_" + name + ".so");
    if (fs::exists(module, error)) return module;
  }
  return {};
}

void release_default_binding() {
  const char* const by_user = std::getenv("OMPI_MCA_hwloc_base_binding_policy");
  if (std::getenv("OMPI_COMM_WORLD_SIZE") == nullptr || by_user != nullptr) return;
  cpu_set_t cores;
  CPU_ZERO(&cores);
  for (int i = 0; i < CPU_SETSIZE; ++i) CPU_SET(i, &cores);
  // The system leaves out those that do not exist or that a container forbids.
  if (::sched_setaffinity(0, sizeof cores, &cores) != 0) return;
  if (std::getenv("OMP_NUM_THREADS") != nullptr) return;
  if (::sched_getaffinity(0, sizeof cores, &cores) == 0) set_num_threads(CPU_COUNT(&cores));
}

}  // namespace osteon
