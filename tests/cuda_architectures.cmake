# Compiles the library for devices other than the default one: machine code for sm_80, and PTX, which
# the driver of a later device compiles. Called by ctest with SOURCE and BINARY.
execute_process(COMMAND ${CMAKE_COMMAND} -S ${SOURCE} -B ${BINARY} -G ${GENERATOR}
  -DCMAKE_BUILD_TYPE=Release "-DCMAKE_CUDA_ARCHITECTURES=80-real;90-virtual" -DOSTEON_TESTS=OFF -DOSTEON_BENCH=OFF
  COMMAND_ERROR_IS_FATAL ANY)
execute_process(COMMAND ${CMAKE_COMMAND} --build ${BINARY} --target osteon COMMAND_ERROR_IS_FATAL ANY)
