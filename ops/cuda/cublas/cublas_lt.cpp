// Loading cuBLASLt, with one handle per device.
#include "ops/cuda/cublas/cublas_lt.h"

#include <dlfcn.h>

#include <array>
#include <mutex>
#include <string>

#include "tensor/cuda/context.h"

namespace osteon::cuda {
namespace {

// Never closed: unloading it at program exit would race with the driver's shutdown.
void open_library() {
  std::string reasons;
  for (const char* name : {OSTEON_CUBLASLT_NAME, OSTEON_CUBLASLT_FILE}) {
    if (dlopen(name, RTLD_NOW | RTLD_GLOBAL) != nullptr) return;
    reasons += format("; ", dlerror());
  }
  throw Error("matmul: cuBLASLt cannot be loaded" + reasons);
}

// The functions are looked up in the whole program, so that a test can replace the library.
CublasLt look_up() {
  open_library();
  CublasLt functions;
  const auto find = [&]<class Function>(const char* name, Function& function) {
    function = reinterpret_cast<Function>(dlsym(RTLD_DEFAULT, name));
    OSTEON_CHECK(function != nullptr, "matmul: this cuBLASLt has no ", name);
  };
#define OSTEON_FIND(name) find(#name, functions.name);
  OSTEON_CUBLASLT_FUNCTIONS(OSTEON_FIND)
#undef OSTEON_FIND
  return functions;
}

}  // namespace

const CublasLt& cublas_lt() {
  static const CublasLt functions = look_up();
  return functions;
}

cublasLtHandle_t cublas_lt_handle(int device) {
  static std::array<cublasLtHandle_t, kMaxDevices> handles{};
  static std::mutex mutex;
  const std::lock_guard lock(mutex);
  cublasLtHandle_t& handle = handles.at(static_cast<std::size_t>(device));
  if (handle == nullptr)
    check_cublas("matmul", "cublasLtCreate", cublas_lt().cublasLtCreate(&handle));
  return handle;
}

void check_cublas(const char* op, const char* call, cublasStatus_t status) {
  OSTEON_CHECK(status == CUBLAS_STATUS_SUCCESS, op, ": ", call, ": ",
               cublas_lt().cublasLtGetStatusString(status));
}

}  // namespace osteon::cuda
