# Finds oneDNN and defines OneDNN::OneDNN. Debian's config file for oneDNN is not usable: it
# requires the OpenCL headers, which only oneDNN's GPU part needs.
find_path(OneDNN_INCLUDE_DIR dnnl.hpp)
find_library(OneDNN_LIBRARY dnnl)
mark_as_advanced(OneDNN_INCLUDE_DIR OneDNN_LIBRARY)

foreach(header oneapi/dnnl/dnnl_version.h dnnl_version.h)
  if(OneDNN_INCLUDE_DIR AND EXISTS ${OneDNN_INCLUDE_DIR}/${header} AND NOT OneDNN_VERSION)
    foreach(part MAJOR MINOR PATCH)
      file(STRINGS ${OneDNN_INCLUDE_DIR}/${header} line REGEX "#define DNNL_VERSION_${part} +[0-9]+")
      string(REGEX MATCH "[0-9]+$" number "${line}")
      list(APPEND OneDNN_VERSION ${number})
    endforeach()
    list(JOIN OneDNN_VERSION "." OneDNN_VERSION)
  endif()
endforeach()

include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(OneDNN
  REQUIRED_VARS OneDNN_LIBRARY OneDNN_INCLUDE_DIR VERSION_VAR OneDNN_VERSION)

if(OneDNN_FOUND AND NOT TARGET OneDNN::OneDNN)
  add_library(OneDNN::OneDNN UNKNOWN IMPORTED)
  set_target_properties(OneDNN::OneDNN PROPERTIES
    IMPORTED_LOCATION ${OneDNN_LIBRARY} INTERFACE_INCLUDE_DIRECTORIES ${OneDNN_INCLUDE_DIR})
endif()
