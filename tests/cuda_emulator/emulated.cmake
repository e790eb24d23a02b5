# The tests of CUDA devices a second time, as NAME_emulated, on the emulated device: the same objects,
# linked with it.
set(folder ${CMAKE_CURRENT_SOURCE_DIR}/cuda_emulator)

function(add_emulated_program name)
  add_executable(${name} ${ARGN} $<TARGET_OBJECTS:emulated_device>)
  set_target_properties(${name} PROPERTIES
    RUNTIME_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/bin/tests
    LINK_DEPENDS "$<TARGET_FILE:test_support>;$<TARGET_FILE:osteon>;$<TARGET_FILE:osteon_core>")
  add_dependencies(${name} test_support osteon osteon_core)
  # The definitions above take precedence over those in the archives.
  target_link_libraries(${name} PRIVATE $<TARGET_FILE:test_support> $<TARGET_FILE:osteon>
    $<TARGET_FILE:osteon_core>
    emulated_osteon)
endfunction()

function(add_emulated_test name)
  add_emulated_program(${name} ${ARGN})
  target_link_libraries(${name} PRIVATE doctest_main)
  target_compile_definitions(${name} PRIVATE OSTEON_TEST_DATA="${CMAKE_CURRENT_SOURCE_DIR}/golden"
    OSTEON_PROGRAMS="${PROJECT_BINARY_DIR}/bin")
  if(NOT name STREQUAL cuda_emulator_test)  # it has kernels of its own
    osteon_compile_as_test(${name})
  endif()
  add_test(NAME ${name} COMMAND ${name})
endfunction()

add_emulated_test(cuda_emulator_test ${folder}/emulator_test.cpp ${folder}/allocator.cpp)
target_compile_options(cuda_emulator_test PRIVATE $<TARGET_PROPERTY:emulated_device,COMPILE_OPTIONS>)
add_emulated_test(cuda_ops_test_emulated $<TARGET_OBJECTS:cuda_ops_test> ${folder}/allocator.cpp)
add_emulated_test(cuda_kernels_test_emulated $<TARGET_OBJECTS:cuda_kernels_test> ${folder}/allocator.cpp)
add_emulated_test(cuda_optim_test_emulated $<TARGET_OBJECTS:cuda_optim_test> ${folder}/allocator.cpp)
add_emulated_test(cuda_training_test_emulated $<TARGET_OBJECTS:cuda_training_test>)
add_emulated_test(cuda_trainer_test_emulated $<TARGET_OBJECTS:cuda_trainer_test>)
add_emulated_test(cuda_plans_test_emulated $<TARGET_OBJECTS:cuda_plans_test>)
add_emulated_test(cuda_recording_test_emulated $<TARGET_OBJECTS:cuda_recording_test>)
add_emulated_test(cuda_nccl_test_emulated $<TARGET_OBJECTS:cuda_nccl_test>)
add_emulated_test(separate_tensors_test ${folder}/separate_tensors_test.cpp)
add_emulated_test(rehearsal_test ${folder}/rehearsal_test.cpp)
add_emulated_test(plan_faults_test ${folder}/plan_faults_test.cpp)
add_emulated_test(inference_calls_test ${folder}/inference_calls_test.cpp)
add_emulated_test(capability_test ${folder}/capability_test.cpp)
add_emulated_test(recorder_test ${folder}/recorder_test.cpp)
add_emulated_test(order_test ${folder}/order_test.cpp)
add_emulated_test(failures_test ${folder}/failures_test.cpp)
add_emulated_test(devices_test ${folder}/devices_test.cpp)
add_emulated_test(attention_test ${folder}/attention_test.cpp)
add_emulated_test(filters_test ${folder}/filters_test.cpp)
add_emulated_test(model_specs_test ${folder}/model_specs_test.cpp cudnn/model_specs.cpp)

# The book's kernels, with a counter of their accesses.
file(GLOB ladder_kernels CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/examples/kernels/*.cu)
set_source_files_properties(${ladder_kernels} PROPERTIES LANGUAGE CXX)
add_library(emulated_ladder OBJECT ${ladder_kernels})
target_link_libraries(emulated_ladder PRIVATE emulated_osteon)
target_compile_definitions(emulated_ladder PRIVATE OSTEON_COUNTS_TRAFFIC)
target_compile_options(emulated_ladder PRIVATE $<TARGET_PROPERTY:emulated_device,COMPILE_OPTIONS>)
add_emulated_test(kernel_ladder_test_emulated ${folder}/kernel_ladder_test.cpp
  $<TARGET_OBJECTS:emulated_ladder>)
target_compile_definitions(kernel_ladder_test_emulated PRIVATE OSTEON_COUNTS_TRAFFIC)

# The tests of whole steps and runs again, with streams that run as late and as early as events
# allow (cuda_emulator/settings.h).
foreach(name recorder_test failures_test cuda_training_test_emulated cuda_trainer_test_emulated
    cuda_optim_test_emulated cuda_recording_test_emulated cuda_nccl_test_emulated rehearsal_test)
  foreach(order late early)
    add_test(NAME ${name}_${order} COMMAND ${name})
    set_tests_properties(${name}_${order} PROPERTIES ENVIRONMENT OSTEON_EMULATED_ORDER=${order})
  endforeach()
endforeach()

# Several processes, each with an emulated device: the test starts train_mura, and a program of its
# own, under mpirun.
if(OSTEON_USES_MPI AND OSTEON_MPI_LIBRARY STREQUAL openmpi)
  add_emulated_program(train_mura_emulated ${PROJECT_SOURCE_DIR}/apps/train_mura.cpp
    $<TARGET_OBJECTS:osteon_command_line>)
  target_link_libraries(train_mura_emulated PRIVATE CLI11::CLI11)
  add_emulated_program(device_steps ${folder}/device_steps.cpp)
  add_executable(device_processes_test ${folder}/device_processes_test.cpp)
  set_target_properties(device_processes_test PROPERTIES
    RUNTIME_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/bin/tests)
  osteon_compile_as_test(device_processes_test)
  target_link_libraries(device_processes_test PRIVATE test_support osteon osteon_options doctest_main)
  target_compile_definitions(device_processes_test PRIVATE OSTEON_TEST_DATA="${CMAKE_CURRENT_SOURCE_DIR}/golden"
    OSTEON_PROGRAMS="${PROJECT_BINARY_DIR}/bin"
    OSTEON_MPIRUN="${MPIEXEC_EXECUTABLE}")
  add_dependencies(device_processes_test train_mura_emulated device_steps train_mura)
  add_test(NAME device_processes_test COMMAND device_processes_test -tce=two*)
  add_test(NAME device_processes_test_orders COMMAND device_processes_test -tc=two*)
endif()
