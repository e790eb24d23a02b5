// cuBLASLt, loaded at the first matrix product. Loading takes 60 ms and 155 MB, which a program
// without matrix products can save.
#pragma once

#include <cublasLt.h>

#include "tensor/cuda/check.h"

namespace osteon::cuda {

// The functions in use, looked up by name.
struct CublasLt {
#define OSTEON_CUBLASLT_FUNCTIONS(X)  \
  X(cublasLtCreate)                   \
  X(cublasLtGetStatusString)          \
  X(cublasLtMatmul)                   \
  X(cublasLtMatmulAlgoGetHeuristic)   \
  X(cublasLtMatmulDescCreate)         \
  X(cublasLtMatmulDescDestroy)        \
  X(cublasLtMatmulDescSetAttribute)   \
  X(cublasLtMatrixLayoutCreate)       \
  X(cublasLtMatrixLayoutDestroy)      \
  X(cublasLtMatrixLayoutSetAttribute) \
  X(cublasLtMatmulPreferenceCreate)   \
  X(cublasLtMatmulPreferenceDestroy) X(cublasLtMatmulPreferenceSetAttribute)
#define OSTEON_DECLARE(name) decltype(&::name) name = nullptr;
  OSTEON_CUBLASLT_FUNCTIONS(OSTEON_DECLARE)
#undef OSTEON_DECLARE
};

// Throws Error with the search path if the library is not found.
const CublasLt& cublas_lt();

// The handle for a device, which must be the current device of the thread.
cublasLtHandle_t cublas_lt_handle(int device);

// Unless the call succeeded, throws Error with the op, the call and cuBLAS's message.
void check_cublas(const char* op, const char* call, cublasStatus_t status);

}  // namespace osteon::cuda
