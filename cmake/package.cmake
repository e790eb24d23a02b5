# `cpack` packs the installed files as a Debian package (OSTEON_PACKAGE=DEB), or as a .tar.gz that
# also contains the shared libraries of the programs (TGZ). scripts/package.sh makes both.
set(documents ${CMAKE_INSTALL_DATAROOTDIR}/doc/osteon)
install(FILES README.md DESTINATION ${documents})
install(FILES LICENSE RENAME copyright DESTINATION ${documents})
install(DIRECTORY docs DESTINATION ${documents} FILES_MATCHING PATTERN "*.md" PATTERN "*.svg" PATTERN "*.png")

set(CPACK_PACKAGE_NAME osteon)
set(CPACK_PACKAGE_VENDOR "The Osteon authors")
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "deep learning framework that classifies bone radiographs")
set(CPACK_PACKAGE_DESCRIPTION "Trains and evaluates convolutional networks that tell normal from
abnormal bone radiographs, with confidence intervals and a report, on the
CPU. Holds the programs train_mura, eval_mura, predict, audit_data and
make_demo_data, and the C++ libraries osteon::core and osteon::osteon.")
set(CPACK_PACKAGE_DIRECTORY ${PROJECT_BINARY_DIR}/packages)
set(CPACK_STRIP_FILES ON)
set(CPACK_GENERATOR ${OSTEON_PACKAGE})

if(OSTEON_PACKAGE STREQUAL TGZ)
  set(CPACK_PACKAGE_FILE_NAME osteon-${PROJECT_VERSION}-${CMAKE_SYSTEM_PROCESSOR})
  # Unlike RUNPATH, RPATH also applies to the dependencies of the libraries.
  set_target_properties(${OSTEON_PROGRAM_TARGETS} PROPERTIES INSTALL_RPATH "$ORIGIN/../lib/osteon")
  foreach(program ${OSTEON_PROGRAM_TARGETS})
    target_link_options(${program} PRIVATE -Wl,--disable-new-dtags)
  endforeach()
  # glibc is the system's: an older program runs with a newer one.
  install(RUNTIME_DEPENDENCY_SET osteon_libraries
    PRE_EXCLUDE_REGEXES "^ld-linux" "^lib(c|m|mvec|dl|rt|pthread|resolv)[.]so"
    DESTINATION lib/osteon)
  install(CODE "set(licences \"\$ENV{DESTDIR}\${CMAKE_INSTALL_PREFIX}/${documents}/licences\")
    set(libraries \"\$ENV{DESTDIR}\${CMAKE_INSTALL_PREFIX}/lib/osteon\")")
  install(SCRIPT cmake/install_licences.cmake)
else()
  file(STRINGS /etc/os-release release REGEX "^VERSION_ID=")
  string(REGEX REPLACE "[^0-9]" "" release "${release}")
  set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
  set(CPACK_DEBIAN_PACKAGE_RELEASE 1~deb${release})
  set(CPACK_DEBIAN_PACKAGE_SECTION science)
  set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
  set(CPACK_DEBIAN_PACKAGE_MAINTAINER "${OSTEON_MAINTAINER}")
  string(TIMESTAMP date "%a, %d %b %Y %H:%M:%S +0000" UTC)
  configure_file(cmake/changelog.in changelog.Debian)
  execute_process(COMMAND gzip -9nf ${PROJECT_BINARY_DIR}/changelog.Debian COMMAND_ERROR_IS_FATAL ANY)
  install(FILES ${PROJECT_BINARY_DIR}/changelog.Debian.gz DESTINATION ${documents})
endif()
include(CPack)
