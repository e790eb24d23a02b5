// Launchers by their variables, and the messages for those whose library is missing.
#include "comm/launcher.h"

#include <doctest/doctest.h>

#include <cstdlib>

#include "tests/support/message_of.h"
#include "tests/support/temporary_folder.h"

namespace osteon {
namespace {

using Variables = std::vector<std::pair<const char*, const char*>>;

// Sets variables for its lifetime; those of all launchers are removed.
class Environment {
 public:
  explicit Environment(const Variables& variables) {
    for (const char* name : kNames) ::unsetenv(name);
    for (const auto& [name, value] : variables) ::setenv(name, value, 1);
  }
  ~Environment() {
    for (const char* name : kNames) ::unsetenv(name);
  }
  Environment(const Environment&) = delete;
  Environment& operator=(const Environment&) = delete;

 private:
  static constexpr const char* kNames[] = {"OMPI_COMM_WORLD_SIZE",
                                           "OMPI_MCA_hwloc_base_binding_policy",
                                           "PMI_RANK",
                                           "PMI_SIZE",
                                           "PMIX_RANK",
                                           "HYDI_CONTROL_FD",
                                           "SLURM_STEP_NUM_TASKS",
                                           "OSTEON_MPI_FOLDER"};
};

TEST_CASE("launchers are recognised") {
  struct Row {
    const char* name;
    Variables variables;
    Launcher expected;
  };
  const Row rows[] = {
      {"alone", {}, {"", {}, 1, false}},
      {"a step of one task", {{"SLURM_STEP_NUM_TASKS", "1"}}, {"", {}, 1, false}},
      {"Open MPI",
       {{"OMPI_COMM_WORLD_SIZE", "4"}, {"PMIX_RANK", "0"}},
       {"Open MPI's mpirun", {"openmpi"}, 4, true}},
      {"Open MPI with a chosen binding",
       {{"OMPI_COMM_WORLD_SIZE", "2"}, {"OMPI_MCA_hwloc_base_binding_policy", "core"}},
       {"Open MPI's mpirun", {"openmpi"}, 2, false}},
      {"Open MPI in a batch job",
       {{"OMPI_COMM_WORLD_SIZE", "2"}, {"SLURM_STEP_NUM_TASKS", "1"}, {"PMIX_RANK", "1"}},
       {"Open MPI's mpirun", {"openmpi"}, 2, true}},
      {"MPICH", {{"PMI_RANK", "1"}, {"PMI_SIZE", "3"}}, {"MPICH's mpirun", {"mpich"}, 3, false}},
      {"MPICH in a batch job",
       {{"PMI_RANK", "1"},
        {"PMI_SIZE", "3"},
        {"HYDI_CONTROL_FD", "7"},
        {"SLURM_STEP_NUM_TASKS", "1"}},
       {"MPICH's mpirun", {"mpich"}, 3, false}},
      {"srun with PMIx",
       {{"PMIX_RANK", "1"}, {"SLURM_STEP_NUM_TASKS", "8"}},
       {"srun", {"openmpi", "mpich"}, 8, false}},
      {"srun with PMI-2",
       {{"PMI_RANK", "1"}, {"PMI_SIZE", "8"}, {"SLURM_STEP_NUM_TASKS", "8"}},
       {"srun", {"mpich", "openmpi"}, 8, false}},
      {"srun without PMI", {{"SLURM_STEP_NUM_TASKS", "8"}}, {"srun", {}, 8, false}},
  };
  for (const Row& row : rows) {
    CAPTURE(std::string(row.name));
    const Environment environment(row.variables);
    const Launcher launcher = find_launcher();
    CHECK(launcher.name == row.expected.name);
    CHECK(launcher.libraries == row.expected.libraries);
    CHECK(launcher.processes == row.expected.processes);
    CHECK(launcher.binds_by_default == row.expected.binds_by_default);
  }
}

TEST_CASE("a library that is missing or wrong is an error that names the way out") {
  const TemporaryFolder folder;
  const Environment environment(Variables{{"OSTEON_MPI_FOLDER", folder.path().c_str()}});
  const auto message = [](const Launcher& launcher) {
    return message_of([&] { open_transport(launcher); });
  };
  const Launcher mpich = {"MPICH's mpirun", {"mpich"}, 2, false};
  CHECK(message(mpich) ==
        "MPICH's mpirun started this process as one of 2, but there is no osteon_mpi_mpich.so in " +
            folder.path().string() +
            ": install libmpich-dev and build again with -DMPI_EXECUTABLE_SUFFIX=.mpich");
  CHECK(message({"srun", {}, 8, false}) ==
        "srun started this process as one of 8, but without PMI, so that the processes cannot find "
        "each other: use srun "
        "--mpi=pmix");
  CHECK(open_transport({"Open MPI's mpirun", {"openmpi"}, 1, false}) == nullptr);  // a group of one
  folder.write("osteon_mpi_openmpi.so", "no library");
  CHECK(contains(message(mpich),
                 "or start it with the mpirun of the library that is there: Open MPI"));
  CHECK(
      contains(message({"srun", {"mpich", "openmpi"}, 8, false}), "cannot open the MPI library: "));
}

}  // namespace
}  // namespace osteon
