# The CUDA back end: finds its compiler and libraries and builds it. Sets OSTEON_USES_CUDA; if
# something is missing, OSTEON_CUDA_OFF is the reason.

# The devices to build for, unless CMAKE_CUDA_ARCHITECTURES or the environment's CUDAARCHS is set:
# those of this machine; without one, every generation that the toolkit knows, from compute
# capability 7.0 on, which the kernels need. Choice and reason are cached, so that a build folder
# does not change on a machine with other devices.
function(osteon_choose_architectures)
  execute_process(COMMAND ${CUDAToolkit_NVCC_EXECUTABLE} --list-gpu-arch OUTPUT_VARIABLE listed)
  string(REGEX MATCHALL "compute_([7-9]|[1-9][0-9])[0-9]\n" listed "${listed}")
  list(TRANSFORM listed REPLACE "[^0-9]" "" OUTPUT_VARIABLE known)
  list(SORT known COMPARE NATURAL)
  find_program(OSTEON_NVIDIA_SMI nvidia-smi)
  mark_as_advanced(OSTEON_NVIDIA_SMI)
  set(output "")
  if(OSTEON_NVIDIA_SMI)
    execute_process(COMMAND ${OSTEON_NVIDIA_SMI} --query-gpu=compute_cap --format=csv,noheader
      OUTPUT_VARIABLE output ERROR_QUIET)
  endif()
  set(present "")
  if(output MATCHES "^[0-9.\r\n ]+$")  # without a device, the output is a message
    string(REGEX MATCHALL "[0-9]+[.][0-9]" present "${output}")
    list(REMOVE_DUPLICATES present)
  endif()
  set(chosen "")
  set(unknown "")
  foreach(capability ${present})
    string(REPLACE "." "" architecture ${capability})
    if(architecture IN_LIST known)
      list(APPEND chosen ${architecture}-real)
    else()
      list(APPEND unknown ${capability})
    endif()
  endforeach()
  if(chosen)
    set(reason "the devices of this machine")
  else()
    # The first of each generation, and PTX of the last, which the driver of a later device compiles.
    set(generations "")
    foreach(architecture ${known})
      string(REGEX REPLACE ".$" "" generation ${architecture})
      if(NOT generation IN_LIST generations)
        list(APPEND generations ${generation})
        list(APPEND chosen ${architecture}-real)
      endif()
    endforeach()
    list(TRANSFORM chosen REPLACE "-real" "" AT -1)
    set(reason "this machine has no device")
  endif()
  if(unknown)
    list(JOIN unknown " and " unknown)
    set(reason "the toolkit cannot compile for ${unknown} of this machine")
  endif()
  set(CMAKE_CUDA_ARCHITECTURES ${chosen} CACHE STRING "Devices to build for")
  set(OSTEON_CUDA_CHOSEN ${chosen} CACHE INTERNAL "")
  set(OSTEON_CUDA_REASON ${reason} CACHE INTERNAL "")
endfunction()

find_package(CUDAToolkit 12.1 QUIET)  # kernel arguments of more than 4 KB
if(NOT CUDAToolkit_FOUND)
  set(OSTEON_CUDA_OFF "the CUDA toolkit was not found")
  return()
endif()
find_package(CUDNN 9.8 QUIET)
if(NOT CUDNN_FOUND)
  set(OSTEON_CUDA_OFF "cuDNN 9.8 or later was not found (CUDNN_ROOT names its folder)")
  return()
endif()
find_package(CUDNNFrontend 1.18...<1.20 QUIET)
if(NOT CUDNNFrontend_FOUND)
  set(OSTEON_CUDA_OFF "cudnn-frontend 1.18 was not found: run scripts/fetch_cudnn_frontend.sh")
  return()
endif()
# Beside cuDNN, in the toolkit, or beside the pip package of cuDNN. Optional: needed by several processes.
cmake_path(GET CUDNN_LIBRARY PARENT_PATH OSTEON_NVIDIA_FOLDER)
find_library(OSTEON_NCCL_LIBRARY NAMES libnccl.so.2 NAMES_PER_DIR
  HINTS ${OSTEON_NVIDIA_FOLDER} ${OSTEON_NVIDIA_FOLDER}/../../nccl/lib ${CUDAToolkit_LIBRARY_DIR})
mark_as_advanced(OSTEON_NCCL_LIBRARY)
set(CMAKE_CUDA_COMPILER ${CUDAToolkit_NVCC_EXECUTABLE})
# The programs link the run-time library as a shared one, so that a test can replace it.
set(CMAKE_CUDA_RUNTIME_LIBRARY Shared)
if(NOT DEFINED CMAKE_CUDA_ARCHITECTURES)
  if(DEFINED ENV{CUDAARCHS})
    set(CMAKE_CUDA_ARCHITECTURES $ENV{CUDAARCHS} CACHE STRING "Devices to build for")
  else()
    osteon_choose_architectures()
  endif()
endif()
if(NOT "${CMAKE_CUDA_ARCHITECTURES}" STREQUAL "${OSTEON_CUDA_CHOSEN}")
  set(OSTEON_CUDA_REASON "as given")
endif()
enable_language(CUDA)
if(NOT CMAKE_CUDA20_STANDARD_COMPILE_OPTION)  # CMake 3.25.1 does not know it
  set(CMAKE_CUDA20_STANDARD_COMPILE_OPTION -std=c++20)
  set(CMAKE_CUDA20_EXTENSION_COMPILE_OPTION -std=c++20)
endif()
set(CMAKE_CUDA_STANDARD 20)
set(CMAKE_CUDA_STANDARD_REQUIRED ON)
set(OSTEON_USES_CUDA ON)

# Adds the back end to the library, without -Wpedantic, which fails on code that nvcc generates.
function(osteon_add_cuda target)
  set(sources "")
  foreach(room tensor/cuda comm/nccl ops/cuda ops/cuda/cudnn ops/cuda/cublas)
    file(GLOB in_room CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/${room}/*.cpp ${PROJECT_SOURCE_DIR}/${room}/*.cu)
    list(APPEND sources ${in_room})
  endforeach()
  target_sources(${target} PRIVATE ${sources})
  target_compile_definitions(${target} PUBLIC OSTEON_HAS_CUDA)
  target_compile_options(${target} PRIVATE $<$<COMPILE_LANGUAGE:CUDA>:
    --expt-relaxed-constexpr -Xcompiler=-Wall,-Wextra
    $<$<BOOL:${OSTEON_WARNINGS_AS_ERRORS}>:--Werror=all-warnings>>)
  list(JOIN CMAKE_CUDA_ARCHITECTURES ", " architectures)
  set_source_files_properties(${PROJECT_SOURCE_DIR}/tensor/cuda/context.cpp PROPERTIES
    COMPILE_DEFINITIONS "OSTEON_CUDA_ARCHITECTURES=\"${architectures}\"")
  # cuBLASLt is loaded when it is first needed: by name, otherwise from the toolkit's folder.
  target_compile_definitions(${target} PRIVATE
    OSTEON_CUBLASLT_NAME="libcublasLt.so.${CUDAToolkit_VERSION_MAJOR}"
    OSTEON_CUBLASLT_FILE="${CUDAToolkit_LIBRARY_DIR}/libcublasLt.so.${CUDAToolkit_VERSION_MAJOR}")
  # Likewise NCCL; it may be in a pip package of its own.
  set(files "\"libnccl.so.2\"")
  if(OSTEON_NCCL_LIBRARY)
    string(APPEND files ", \"${OSTEON_NCCL_LIBRARY}\"")
  endif()
  set_source_files_properties(${PROJECT_SOURCE_DIR}/comm/nccl/nccl.cpp PROPERTIES
    COMPILE_DEFINITIONS "OSTEON_NCCL_FILES=${files}" SKIP_PRECOMPILE_HEADERS ON)
  target_link_libraries(${target} PUBLIC CUDA::cudart
    PRIVATE CUDNN::cudnn $<BUILD_INTERFACE:CUDNN::frontend> ${CMAKE_DL_LIBS})
  target_include_directories(${target} SYSTEM PRIVATE ${CUDAToolkit_INCLUDE_DIRS})
endfunction()
