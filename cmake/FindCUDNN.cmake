# Finds cuDNN and defines CUDNN::cudnn. Searches -DCUDNN_ROOT, the CUDA toolkit, the system's
# library folders, and the pip package nvidia-cudnn, which has only libcudnn.so.9 and no
# libcudnn.so.
find_package(Python3 QUIET COMPONENTS Interpreter)
if(Python3_FOUND AND NOT DEFINED CUDNN_PIP_FOLDER)
  execute_process(
    COMMAND ${Python3_EXECUTABLE} -c "import nvidia.cudnn; print(nvidia.cudnn.__path__[0])"
    OUTPUT_VARIABLE CUDNN_PIP_FOLDER OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET)
  set(CUDNN_PIP_FOLDER "${CUDNN_PIP_FOLDER}" CACHE INTERNAL "")
endif()
foreach(folder ${CUDAToolkit_INCLUDE_DIRS})
  list(APPEND CUDNN_TOOLKITS ${folder}/..)
endforeach()
# The root is searched first (CMP0074); header and library must be from the same place.
find_path(CUDNN_INCLUDE_DIR cudnn.h
  HINTS ${CUDNN_TOOLKITS} PATHS ${CUDNN_PIP_FOLDER} PATH_SUFFIXES include)
cmake_path(GET CUDNN_INCLUDE_DIR PARENT_PATH CUDNN_BESIDE)
find_library(CUDNN_LIBRARY NAMES cudnn libcudnn.so.9 NAMES_PER_DIR
  HINTS ${CUDNN_BESIDE} ${CUDNN_TOOLKITS} PATHS ${CUDNN_PIP_FOLDER} PATH_SUFFIXES lib lib64)
mark_as_advanced(CUDNN_INCLUDE_DIR CUDNN_LIBRARY)

if(CUDNN_INCLUDE_DIR AND EXISTS ${CUDNN_INCLUDE_DIR}/cudnn_version.h)
  foreach(part MAJOR MINOR PATCHLEVEL)
    file(STRINGS ${CUDNN_INCLUDE_DIR}/cudnn_version.h line REGEX "#define CUDNN_${part} +[0-9]+")
    string(REGEX MATCH "[0-9]+$" number "${line}")
    list(APPEND CUDNN_VERSION ${number})
  endforeach()
  list(JOIN CUDNN_VERSION "." CUDNN_VERSION)
endif()

include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(CUDNN
  REQUIRED_VARS CUDNN_LIBRARY CUDNN_INCLUDE_DIR VERSION_VAR CUDNN_VERSION)

if(CUDNN_FOUND AND NOT TARGET CUDNN::cudnn)
  add_library(CUDNN::cudnn UNKNOWN IMPORTED)
  set_target_properties(CUDNN::cudnn PROPERTIES
    IMPORTED_LOCATION ${CUDNN_LIBRARY} INTERFACE_INCLUDE_DIRECTORIES ${CUDNN_INCLUDE_DIR})
endif()
