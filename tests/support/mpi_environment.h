// Lets Open MPI's mpirun start more processes than there are cores, also as root: the names of
// Open MPI 4, and those of the launcher of Open MPI 5.
#pragma once

#include <cstdlib>

namespace osteon {

inline void set_mpi_environment() {
  for (const char* name :
       {"OMPI_ALLOW_RUN_AS_ROOT", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM", "PRTE_ALLOW_RUN_AS_ROOT",
        "PRTE_ALLOW_RUN_AS_ROOT_CONFIRM", "OMPI_MCA_rmaps_base_oversubscribe"})
    ::setenv(name, "1", /*overwrite=*/1);
  ::setenv("PRTE_MCA_rmaps_default_mapping_policy", ":oversubscribe", /*overwrite=*/1);
}

}  // namespace osteon
