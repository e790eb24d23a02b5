# Run by `cmake --install` of a bundle: copies the licence of each library in it from Debian's
# package.
file(MAKE_DIRECTORY ${licences})
file(GLOB bundled ${libraries}/*)
foreach(library ${bundled})
  get_filename_component(name ${library} NAME)
  execute_process(COMMAND dpkg-query --search "*-linux-gnu/${name}" OUTPUT_VARIABLE found ERROR_QUIET)
  if(NOT found MATCHES "^([^:\n]+):")
    message(FATAL_ERROR "no package of Debian contains ${name}, so its licence is unknown")
  endif()
  set(package ${CMAKE_MATCH_1})
  file(COPY_FILE /usr/share/doc/${package}/copyright ${licences}/${package})
endforeach()
