# `cmake --install build --prefix DIR`: the library with its headers (in include/osteon, so that they
# find each other as they do here), the programs, and what find_package(osteon) reads.
include(CMakePackageConfigHelpers)
include(GNUInstallDirs)
set(OSTEON_CONFIG_DIR ${CMAKE_INSTALL_LIBDIR}/cmake/osteon)

install(TARGETS osteon EXPORT osteonTargets
  ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR}
  FILE_SET HEADERS DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/osteon)
install(EXPORT osteonTargets NAMESPACE osteon:: DESTINATION ${OSTEON_CONFIG_DIR})
install(TARGETS ${OSTEON_PROGRAM_TARGETS} RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})

configure_package_config_file(cmake/osteonConfig.cmake.in osteonConfig.cmake
  INSTALL_DESTINATION ${OSTEON_CONFIG_DIR})
# Before 1.0 any minor version may change what callers see.
write_basic_package_version_file(osteonConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES
  ${PROJECT_BINARY_DIR}/osteonConfig.cmake ${PROJECT_BINARY_DIR}/osteonConfigVersion.cmake
  cmake/FindCUDNN.cmake cmake/FindLibZip.cmake cmake/FindOneDNN.cmake
  DESTINATION ${OSTEON_CONFIG_DIR})
