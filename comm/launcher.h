// The program that started this process, as its environment tells, and the shared library with the
// MPI of that program.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "comm/transport.h"

namespace osteon {

struct Launcher {
  // Open MPI's mpirun, MPICH's mpirun or srun; empty for a process that was started alone.
  std::string name;
  // The names of the shared libraries that work with it, best first: openmpi, mpich. Empty for srun
  // without PMI, under which MPI would see processes that are each alone.
  std::vector<std::string> libraries;
  int processes = 1;
  // This process's CPUs were chosen by default, not by the user: at most one core for each of one
  // or two processes.
  bool binds_by_default = false;
};

// From the variables of the environment:
//
//   Open MPI's mpirun   OMPI_COMM_WORLD_SIZE
//   MPICH's mpirun      PMI_RANK, PMI_SIZE
//   srun                SLURM_STEP_NUM_TASKS, and PMIX_RANK or PMI_RANK
Launcher find_launcher();

// Where the shared libraries are searched: $OSTEON_MPI_FOLDER if it is set; else ../lib/osteon and
// ../../lib/osteon, from the folder of the running program.
std::vector<std::filesystem::path> transport_folders();

// Opens the library of this launcher, null for a process that was started alone or as the only one.
// Throws Error with the way out if there is none for the processes that it started.
const OsteonTransport* open_transport(const Launcher& launcher);

// Lets the calling thread, and those that it starts later, run on every core that this process may
// use, if the launcher bound it to some by default: Open MPI binds each of two processes to one
// core, on which all threads of parallel_for would take turns. A binding that was asked for
// (--bind-to, srun) stays.
void use_all_cores(const Launcher& launcher);

}  // namespace osteon
