# `cmake --install build --prefix DIR`: installs the libraries with their headers, the programs, and
# the files of find_package(osteon).
include(CMakePackageConfigHelpers)
include(${PROJECT_SOURCE_DIR}/cmake/headers.cmake)
set(OSTEON_CONFIG_DIR ${CMAKE_INSTALL_LIBDIR}/cmake/osteon)

install(TARGETS osteon_core osteon EXPORT osteonTargets ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR})
install(CODE "
  set(source ${PROJECT_SOURCE_DIR})
  set(destination ${CMAKE_INSTALL_INCLUDEDIR}/osteon)
  set(headers ${OSTEON_CORE_HEADERS} ${OSTEON_HEADERS})")
install(SCRIPT cmake/install_headers.cmake)
install(EXPORT osteonTargets NAMESPACE osteon:: DESTINATION ${OSTEON_CONFIG_DIR})
set(dependencies "")
if(OSTEON_PACKAGE STREQUAL TGZ)  # package.cmake installs them
  set(dependencies RUNTIME_DEPENDENCY_SET osteon_libraries)
endif()
install(TARGETS ${OSTEON_PROGRAM_TARGETS} ${dependencies} RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
if(OSTEON_USES_MPI)
  # Beside the programs, where they look for it (comm/launcher.h).
  install(TARGETS osteon_mpi LIBRARY DESTINATION lib/osteon)
endif()

configure_package_config_file(cmake/osteonConfig.cmake.in osteonConfig.cmake
  INSTALL_DESTINATION ${OSTEON_CONFIG_DIR})
# Before 1.0 any minor version may change the interface.
write_basic_package_version_file(osteonConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES
  ${PROJECT_BINARY_DIR}/osteonConfig.cmake ${PROJECT_BINARY_DIR}/osteonConfigVersion.cmake
  cmake/FindCUDNN.cmake cmake/FindLibZip.cmake cmake/FindOneDNN.cmake
  DESTINATION ${OSTEON_CONFIG_DIR})
