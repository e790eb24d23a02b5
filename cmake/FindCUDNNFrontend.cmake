# Finds NVIDIA's cudnn-frontend, headers only, and defines CUDNN::frontend. Searches
# -DCUDNN_FRONTEND_ROOT and the folder of scripts/fetch_cudnn_frontend.sh. From 1.20 on it also
# needs the driver and the run-time compiler at link time.
find_path(CUDNNFrontend_INCLUDE_DIR cudnn_frontend.h
  HINTS ${CUDNN_FRONTEND_ROOT} ${PROJECT_SOURCE_DIR}/.cache/cudnn-frontend PATH_SUFFIXES include)
mark_as_advanced(CUDNNFrontend_INCLUDE_DIR)

if(CUDNNFrontend_INCLUDE_DIR)
  foreach(part MAJOR MINOR PATCH)
    file(STRINGS ${CUDNNFrontend_INCLUDE_DIR}/cudnn_frontend_version.h line
      REGEX "#define CUDNN_FRONTEND_${part}_VERSION +[0-9]+")
    string(REGEX MATCH "[0-9]+$" number "${line}")
    list(APPEND CUDNNFrontend_VERSION ${number})
  endforeach()
  list(JOIN CUDNNFrontend_VERSION "." CUDNNFrontend_VERSION)
endif()

include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(CUDNNFrontend HANDLE_VERSION_RANGE
  REQUIRED_VARS CUDNNFrontend_INCLUDE_DIR VERSION_VAR CUDNNFrontend_VERSION)

if(CUDNNFrontend_FOUND AND NOT TARGET CUDNN::frontend)
  add_library(CUDNN::frontend INTERFACE IMPORTED)
  target_include_directories(CUDNN::frontend SYSTEM INTERFACE ${CUDNNFrontend_INCLUDE_DIR})
endif()
