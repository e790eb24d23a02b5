# The tests of CUDA devices a second time, as NAME_emulated, on a device that is emulated on the CPU
# (emulator.h): the .cu files are translated by g++ here, and the CUDA runtime is ours. They do not
# link with the toolkit's, so that a call which ours lacks is an error.
set(folder ${CMAKE_CURRENT_SOURCE_DIR}/cuda_emulator)

file(GLOB kernels CONFIGURE_DEPENDS
  ${PROJECT_SOURCE_DIR}/tensor/cuda/*.cu ${PROJECT_SOURCE_DIR}/ops/cuda/*.cu)
set_source_files_properties(${kernels} PROPERTIES LANGUAGE CXX)

# What the tests need of osteon, less the CUDA libraries.
get_target_property(libraries osteon INTERFACE_LINK_LIBRARIES)
list(FILTER libraries EXCLUDE REGEX "CUDA|cudnn|CUDNN")
add_library(emulated_osteon INTERFACE)
target_link_libraries(emulated_osteon INTERFACE ${libraries} osteon_options)
target_include_directories(emulated_osteon BEFORE INTERFACE ${folder} ${PROJECT_SOURCE_DIR})
target_include_directories(emulated_osteon SYSTEM INTERFACE ${CUDAToolkit_INCLUDE_DIRS})
target_compile_definitions(emulated_osteon INTERFACE
  $<TARGET_PROPERTY:osteon,INTERFACE_COMPILE_DEFINITIONS> OSTEON_EMULATED_CUDA)
target_compile_options(emulated_osteon INTERFACE -Wno-unknown-pragmas)

# What is undefined in a kernel traps, and so becomes a Fault.
set(traps -fsanitize=alignment,bounds,shift,signed-integer-overflow,integer-divide-by-zero,null
  -fsanitize-undefined-trap-on-error)
add_library(emulated_device OBJECT ${kernels} ${folder}/emulator.cpp ${folder}/memory.cpp
  ${folder}/runtime.cpp ${folder}/cublas.cpp ${folder}/cudnn_graph.cpp ${folder}/journal.cpp)
target_link_libraries(emulated_device PRIVATE emulated_osteon)
target_compile_options(emulated_device PRIVATE ${traps})

function(add_emulated_test name)
  add_executable(${name} ${ARGN} $<TARGET_OBJECTS:emulated_device>)
  set_target_properties(${name} PROPERTIES
    RUNTIME_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/bin/tests
    LINK_DEPENDS "$<TARGET_FILE:test_support>;$<TARGET_FILE:osteon>")
  add_dependencies(${name} test_support osteon)
  # The definitions above win over those in the archives.
  target_link_libraries(${name} PRIVATE $<TARGET_FILE:test_support> $<TARGET_FILE:osteon>
    emulated_osteon doctest_main)
  target_compile_definitions(${name} PRIVATE OSTEON_TEST_DATA="${CMAKE_CURRENT_SOURCE_DIR}/golden"
    OSTEON_PROGRAMS="${PROJECT_BINARY_DIR}/bin")
  add_test(NAME ${name} COMMAND ${name})
  # Not the user's: a plan of the emulated cuDNN is good for one process.
  set_tests_properties(${name} PROPERTIES
    ENVIRONMENT "OSTEON_PLAN_CACHE=${PROJECT_BINARY_DIR}/emulated-plans")
endfunction()

add_emulated_test(cuda_emulator_test ${folder}/emulator_test.cpp ${folder}/allocator.cpp)
target_compile_options(cuda_emulator_test PRIVATE ${traps})
add_emulated_test(cuda_ops_test_emulated cuda_ops_test.cpp ${folder}/allocator.cpp)
add_emulated_test(cuda_kernels_test_emulated cuda_kernels_test.cpp ${folder}/allocator.cpp)
add_emulated_test(cuda_optim_test_emulated cuda_optim_test.cpp ${folder}/allocator.cpp)
add_emulated_test(cuda_training_test_emulated cuda_training_test.cpp)
add_emulated_test(cuda_trainer_test_emulated cuda_trainer_test.cpp)
add_emulated_test(cuda_plans_test_emulated cuda_plans_test.cpp)
add_emulated_test(recorder_test ${folder}/recorder_test.cpp)
add_emulated_test(model_specs_test ${folder}/model_specs_test.cpp gpu/model_specs.cpp)
