// The program that started this process as one of several, and the module with its MPI library.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace osteon {

struct Launch {
  std::string launcher;  // "mpirun of Open MPI", "mpiexec of MPICH", "srun"
  int processes = 1;
  std::vector<std::string> modules;  // the names of those that can speak to it: openmpi, mpich
};

// From the environment that launchers set; nullopt for a process that was started alone.
std::optional<Launch> find_launch();

// The module NAME in FOLDER/lib/osteon, where FOLDER is one or two levels above that of the running
// program. Returns an empty path if there is none.
std::filesystem::path find_module(const std::string& name);

// Open MPI binds each of one or two processes to one core unless its user says otherwise. Lets this
// process use all cores again, because the number of its threads is ours to choose. Call it first
// in main, before the OpenMP library counts the cores.
void release_default_binding();

}  // namespace osteon
