# The shared library osteon_mpi_openmpi.so or osteon_mpi_mpich.so, for the MPI that find_package finds.
# -DMPI_EXECUTABLE_SUFFIX=.mpich chooses MPICH on Debian when both are installed. The programs open it at run
# time if a launcher started them (comm/launcher.h).
set(MPI_CXX_SKIP_MPICXX ON)
find_package(MPI QUIET COMPONENTS CXX)
set(OSTEON_USES_MPI OFF)
set(OSTEON_MPI_OFF "MPI was not found: libopenmpi-dev")
if(NOT MPI_CXX_FOUND)
  return()
endif()

# The macros of mpi.h tell the implementations apart.
list(TRANSFORM MPI_CXX_INCLUDE_DIRS PREPEND -I OUTPUT_VARIABLE folders)
file(WRITE ${PROJECT_BINARY_DIR}/mpi_version.cpp "#include <mpi.h>\n")
execute_process(
  COMMAND ${CMAKE_CXX_COMPILER} ${folders} -DOMPI_SKIP_MPICXX -DMPICH_SKIP_MPICXX -E -dM mpi_version.cpp
  WORKING_DIRECTORY ${PROJECT_BINARY_DIR} OUTPUT_VARIABLE macros ERROR_QUIET)
if(macros MATCHES "#define OMPI_MAJOR_VERSION ([0-9]+)\n")
  set(OSTEON_MPI_VERSION ${CMAKE_MATCH_1})
  foreach(part MINOR RELEASE)
    string(REGEX MATCH "#define OMPI_${part}_VERSION ([0-9]+)\n" line "${macros}")
    string(APPEND OSTEON_MPI_VERSION .${CMAKE_MATCH_1})
  endforeach()
  set(OSTEON_MPI_LIBRARY openmpi)
  set(OSTEON_MPI_NAME "Open MPI ${OSTEON_MPI_VERSION}")
elseif(macros MATCHES "#define MPICH_VERSION \"([^\"]+)\"")
  set(OSTEON_MPI_LIBRARY mpich)
  set(OSTEON_MPI_NAME "MPICH ${CMAKE_MATCH_1}")
else()
  set(OSTEON_MPI_OFF "neither Open MPI nor MPICH: ${MPI_CXX_HEADER_DIR}")
  return()
endif()
set(OSTEON_USES_MPI ON)

add_library(osteon_mpi MODULE comm/mpi/transport.cpp)
set_target_properties(osteon_mpi PROPERTIES
  PREFIX "" OUTPUT_NAME osteon_mpi_${OSTEON_MPI_LIBRARY} LIBRARY_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/lib/osteon)
if(NOT OSTEON_PACKAGE)
  # Elsewhere than in Debian, MPI may be in a folder of its own.
  set_target_properties(osteon_mpi PROPERTIES INSTALL_RPATH_USE_LINK_PATH ON)
endif()
target_include_directories(osteon_mpi PRIVATE ${PROJECT_SOURCE_DIR})
target_link_libraries(osteon_mpi PRIVATE osteon_options MPI::MPI_CXX)
target_link_options(osteon_mpi PRIVATE -Wl,--as-needed)  # without MPI's old C++ library
# Every program that is built finds it.
add_dependencies(osteon_core osteon_mpi)
