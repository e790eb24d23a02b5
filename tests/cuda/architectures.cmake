# Compiles the library for the devices that cmake/cuda.cmake chooses on a machine without one: every generation of
# devices that the toolkit knows, and PTX of the last, which the driver of a later device compiles.
# Called by ctest with SOURCE and BINARY.
execute_process(COMMAND ${CMAKE_COMMAND} -S ${SOURCE} -B ${BINARY} -G ${GENERATOR}
  -DCMAKE_BUILD_TYPE=Release -DOSTEON_NVIDIA_SMI=OFF -DOSTEON_WARNINGS_AS_ERRORS=ON
  -DOSTEON_TESTS=OFF -DOSTEON_BENCH=OFF
  COMMAND_ERROR_IS_FATAL ANY)
execute_process(COMMAND ${CMAKE_COMMAND} --build ${BINARY} --target osteon COMMAND_ERROR_IS_FATAL ANY)
