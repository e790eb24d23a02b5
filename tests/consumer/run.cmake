# Installs the build in BINARY_DIR to a new folder and builds and runs this folder's project against it.
cmake_minimum_required(VERSION 3.25)
foreach(variable BINARY_DIR GENERATOR COMPILER SCRATCH)
  if(NOT ${variable})
    message(FATAL_ERROR "run.cmake: -D${variable}=... is missing")
  endif()
endforeach()

file(REMOVE_RECURSE ${SCRATCH})
set(prefix ${SCRATCH}/prefix)

function(step)
  execute_process(COMMAND ${ARGN} COMMAND_ERROR_IS_FATAL ANY)
endfunction()

step(${CMAKE_COMMAND} --install ${BINARY_DIR} --prefix ${prefix})

# Users of Osteon need neither Eigen nor the headers of the image libraries.
file(GLOB_RECURSE headers ${prefix}/*.h)
foreach(header ${headers})
  file(STRINGS ${header} lines REGEX "#include <(Eigen|jpeglib|zlib|stb)")
  if(lines)
    message(FATAL_ERROR "${header} includes a library that is not part of the interface: ${lines}")
  endif()
endforeach()

step(${CMAKE_COMMAND} -G ${GENERATOR} -S ${CMAKE_CURRENT_LIST_DIR} -B ${SCRATCH}/build
  -DCMAKE_PREFIX_PATH=${prefix} -DCMAKE_CXX_COMPILER=${COMPILER} "-DCMAKE_CXX_FLAGS=${FLAGS}"
  -DCMAKE_BUILD_TYPE=Release -DHEADERS=${prefix}/include/osteon)
step(${CMAKE_COMMAND} --build ${SCRATCH}/build)
step(${SCRATCH}/build/consumer)
