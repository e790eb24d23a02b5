// cuBLASLt, opened when the first matrix product is computed: loading it takes 60 ms and 155 MB,
// for which a program that multiplies no matrices has no use.
#pragma once

#include <cublasLt.h>

#include "tensor/cuda/check.h"

namespace osteon::cuda {

// Its functions, looked up by name in the library.
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

// Throws Error when the library is not to be found, saying where it was looked for.
const CublasLt& cublas_lt();

// The handle for a device (its context's current one).
cublasLtHandle_t cublas_lt_handle(int device);

// Throws Error naming the op, the call and cuBLAS's own words unless the call succeeded.
void check_cublas(const char* op, const char* call, cublasStatus_t status);

}  // namespace osteon::cuda
