# The CUDA back end: where its compiler and libraries are found, and how it is built. Sets
# OSTEON_USES_CUDA, and OSTEON_CUDA_OFF to the reason when something is missing.
find_package(CUDAToolkit 12.0 QUIET)
if(NOT CUDAToolkit_FOUND)
  set(OSTEON_CUDA_OFF "the CUDA toolkit was not found")
  return()
endif()
find_package(CUDNN 9.8 QUIET)
if(NOT CUDNN_FOUND)
  set(OSTEON_CUDA_OFF "cuDNN 9.8 or later was not found (CUDNN_ROOT says where)")
  return()
endif()
find_package(CUDNNFrontend 1.18...<1.20 QUIET)
if(NOT CUDNNFrontend_FOUND)
  set(OSTEON_CUDA_OFF "cudnn-frontend 1.18 was not found: run scripts/fetch_cudnn_frontend.sh")
  return()
endif()
set(CMAKE_CUDA_COMPILER ${CUDAToolkit_NVCC_EXECUTABLE})
# The programs share the run-time library, so that a test can stand between them and it.
set(CMAKE_CUDA_RUNTIME_LIBRARY Shared)
if(NOT DEFINED CMAKE_CUDA_ARCHITECTURES)
  set(CMAKE_CUDA_ARCHITECTURES 90)
endif()
enable_language(CUDA)
if(NOT CMAKE_CUDA20_STANDARD_COMPILE_OPTION)  # CMake 3.25.1 does not know it
  set(CMAKE_CUDA20_STANDARD_COMPILE_OPTION -std=c++20)
  set(CMAKE_CUDA20_EXTENSION_COMPILE_OPTION -std=c++20)
endif()
set(CMAKE_CUDA_STANDARD 20)
set(CMAKE_CUDA_STANDARD_REQUIRED ON)
set(OSTEON_USES_CUDA ON)

# Adds the back end to the library. -Wpedantic fails on what nvcc itself generates.
function(osteon_add_cuda target)
  file(GLOB sources CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/tensor/cuda/*.cpp ${PROJECT_SOURCE_DIR}/tensor/cuda/*.cu
    ${PROJECT_SOURCE_DIR}/ops/cuda/*.cpp ${PROJECT_SOURCE_DIR}/ops/cuda/*.cu)
  target_sources(${target} PRIVATE ${sources})
  target_compile_definitions(${target} PUBLIC OSTEON_HAS_CUDA)
  target_compile_options(${target} PRIVATE $<$<COMPILE_LANGUAGE:CUDA>:
    --expt-relaxed-constexpr -Xcompiler=-Wall,-Wextra
    $<$<BOOL:${OSTEON_WARNINGS_AS_ERRORS}>:--Werror=all-warnings>>)
  # cuBLASLt is loaded when it is first needed: by name, else where the toolkit has it.
  target_compile_definitions(${target} PRIVATE
    OSTEON_CUBLASLT_NAME="libcublasLt.so.${CUDAToolkit_VERSION_MAJOR}"
    OSTEON_CUBLASLT_FILE="${CUDAToolkit_LIBRARY_DIR}/libcublasLt.so.${CUDAToolkit_VERSION_MAJOR}")
  target_link_libraries(${target} PUBLIC CUDA::cudart
    PRIVATE CUDNN::cudnn $<BUILD_INTERFACE:CUDNN::frontend> ${CMAKE_DL_LIBS})
  target_include_directories(${target} SYSTEM PRIVATE ${CUDAToolkit_INCLUDE_DIRS})
endfunction()
