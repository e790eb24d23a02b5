// Replaces ops/cuda/cublas/cublas_lt.cpp: the CPU's kernels compute the products on the same
// memory. The product's own code (ops/cuda/linear.cpp) describes them. An algorithm is as
// particular as one on a device: it is made for the alignments that it was chosen with, and adds up
// in the type of the result if that is allowed.
#include "ops/cuda/cublas/cublas_lt.h"

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <memory>

#include "ops/kernels.h"
#include "ops/ops.h"
#include "tensor/cuda/context.h"
#include "tests/cuda_emulator/emulator.h"
#include "tests/cuda_emulator/on_cpu.h"
#include "tests/cuda_emulator/runtime.h"

namespace osteon::cuda {
namespace {

struct Operation {
  cudaDataType_t scale = CUDA_R_32F;
  cublasOperation_t transpose_a = CUBLAS_OP_N, transpose_b = CUBLAS_OP_N;
  cublasLtEpilogue_t epilogue = CUBLASLT_EPILOGUE_DEFAULT;
  const void* bias = nullptr;
};

// `batches` matrices in column-major order: for us [batches, columns, rows]. With stride 0 they are
// one matrix.
struct Layout {
  cudaDataType_t type = CUDA_R_32F;
  std::uint64_t rows = 0, columns = 0;
  std::int64_t stride = 0;
  std::int32_t batches = 1;

  Shape shape() const {
    return {stride == 0 ? 1 : batches, static_cast<std::int64_t>(columns),
            static_cast<std::int64_t>(rows)};
  }
};

struct Preference {
  std::uint32_t reductions = CUBLASLT_REDUCTION_SCHEME_MASK;  // all are allowed
  std::uint32_t a = 256, b = 256, d = 256;                    // alignments; c is d
};

// What cublasLtMatmulAlgo_t stores.
struct Algorithm {
  std::uint32_t a, b, d, bias;  // alignments
  std::uint32_t adds_up_in_result_type;
};
static_assert(sizeof(Algorithm) <= sizeof(cublasLtMatmulAlgo_t));
constexpr std::size_t kWorkspaceBytes = 512;  // that each algorithm asks for

std::uint32_t alignment_of(const void* memory) {
  const auto address = reinterpret_cast<std::uintptr_t>(memory);
  return static_cast<std::uint32_t>(std::min<std::uintptr_t>(address & (~address + 1), 256));
}

bool is_aligned(const void* memory, std::uint32_t alignment) {
  return reinterpret_cast<std::uintptr_t>(memory) % std::max(alignment, 1U) == 0;
}

template <class T, class Handle>
T& in(Handle handle) {
  return *reinterpret_cast<T*>(handle);
}

template <class T, class Handle>
cublasStatus_t make(Handle* handle, const T& value) {
  *handle = reinterpret_cast<Handle>(std::make_unique<T>(value).release());
  return CUBLAS_STATUS_SUCCESS;
}

template <class T, class Handle>
cublasStatus_t destroy(Handle handle) {
  const std::unique_ptr<T> owned(&in<T>(handle));
  return CUBLAS_STATUS_SUCCESS;
}

template <class T>
cublasStatus_t set(T& member, const void* value, std::size_t bytes) {
  if (bytes != sizeof member) return CUBLAS_STATUS_INVALID_VALUE;
  std::memcpy(&member, value, bytes);
  return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t set_operation(cublasLtMatmulDesc_t handle, cublasLtMatmulDescAttributes_t attribute,
                             const void* value, std::size_t bytes) {
  auto& operation = in<Operation>(handle);
  switch (attribute) {
    case CUBLASLT_MATMUL_DESC_TRANSA:
      return set(operation.transpose_a, value, bytes);
    case CUBLASLT_MATMUL_DESC_TRANSB:
      return set(operation.transpose_b, value, bytes);
    case CUBLASLT_MATMUL_DESC_EPILOGUE:
      return set(operation.epilogue, value, bytes);
    case CUBLASLT_MATMUL_DESC_BIAS_POINTER:
      return set(operation.bias, value, bytes);
    default:
      return CUBLAS_STATUS_NOT_SUPPORTED;
  }
}

cublasStatus_t set_layout(cublasLtMatrixLayout_t handle, cublasLtMatrixLayoutAttribute_t attribute,
                          const void* value, std::size_t bytes) {
  auto& layout = in<Layout>(handle);
  switch (attribute) {
    case CUBLASLT_MATRIX_LAYOUT_BATCH_COUNT:
      return set(layout.batches, value, bytes);
    case CUBLASLT_MATRIX_LAYOUT_STRIDED_BATCH_OFFSET:
      return set(layout.stride, value, bytes);
    default:
      return CUBLAS_STATUS_NOT_SUPPORTED;
  }
}

cublasStatus_t set_preference(cublasLtMatmulPreference_t handle,
                              cublasLtMatmulPreferenceAttributes_t attribute, const void* value,
                              std::size_t bytes) {
  auto& preference = in<Preference>(handle);
  switch (attribute) {
    case CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES:
      return CUBLAS_STATUS_SUCCESS;
    case CUBLASLT_MATMUL_PREF_REDUCTION_SCHEME_MASK:
      return set(preference.reductions, value, bytes);
    case CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_A_BYTES:
      return set(preference.a, value, bytes);
    case CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_B_BYTES:
      return set(preference.b, value, bytes);
    case CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_C_BYTES:
    case CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_D_BYTES:
      return set(preference.d, value, bytes);
    default:
      return CUBLAS_STATUS_NOT_SUPPORTED;
  }
}

cublasStatus_t choose(cublasLtHandle_t, cublasLtMatmulDesc_t operation, cublasLtMatrixLayout_t,
                      cublasLtMatrixLayout_t, cublasLtMatrixLayout_t, cublasLtMatrixLayout_t,
                      cublasLtMatmulPreference_t wanted, int, cublasLtMatmulHeuristicResult_t* best,
                      int* found) {
  const auto& preference = in<Preference>(wanted);
  constexpr std::uint32_t kInResultType =
      CUBLASLT_REDUCTION_SCHEME_INPLACE | CUBLASLT_REDUCTION_SCHEME_OUTPUT_TYPE;
  const Algorithm algorithm{preference.a, preference.b, preference.d,
                            alignment_of(in<Operation>(operation).bias),
                            preference.reductions & kInResultType};
  std::memcpy(&best->algo, &algorithm, sizeof algorithm);
  best->workspaceSize = kWorkspaceBytes;
  *found = 1;
  return CUBLAS_STATUS_SUCCESS;
}

// y = a b, in two halves of the inner dimension that are rounded to the type of y.
void multiply_in_halves(const Tensor& a, const Tensor& b, const Tensor& y) {
  const std::int64_t half = a.dim(2) / 2;
  const auto part = [&](std::int64_t begin, std::int64_t count) {
    const Tensor sum = empty_like(y);
    cpu::matmul(narrow(a, 2, begin, count), narrow(b, 1, begin, count), false, false, {}, sum);
    return sum;
  };
  copy_(y, part(0, half) + part(half, a.dim(2) - half));
}

DType dtype_of(cudaDataType_t type) {
  return type == CUDA_R_64F ? DType::f64 : type == CUDA_R_16BF ? DType::bf16 : DType::f32;
}

bool are_one_and_zero(const Operation& operation, const void* alpha, const void* beta) {
  const auto are = [&]<class T>(T) {
    return *static_cast<const T*>(alpha) == 1 && *static_cast<const T*>(beta) == 0;
  };
  return operation.scale == CUDA_R_64F ? are(1.0) : are(1.0F);
}

cublasStatus_t multiply(cublasLtHandle_t, cublasLtMatmulDesc_t described, const void* alpha,
                        const void* a, cublasLtMatrixLayout_t layout_a, const void* b,
                        cublasLtMatrixLayout_t layout_b, const void* beta, const void* c,
                        cublasLtMatrixLayout_t, void* d, cublasLtMatrixLayout_t layout_d,
                        const cublasLtMatmulAlgo_t* chosen, void* workspace,
                        std::size_t workspace_bytes, cudaStream_t stream) {
  const auto operation = in<Operation>(described);
  const auto &of_a = in<Layout>(layout_a), &of_b = in<Layout>(layout_b),
             &of_d = in<Layout>(layout_d);
  Algorithm algorithm;
  std::memcpy(&algorithm, chosen, sizeof algorithm);
  const bool is_valid = are_one_and_zero(operation, alpha, beta) && c == d &&
                        workspace != nullptr && workspace_bytes >= kWorkspaceBytes;
  if (!is_valid) return CUBLAS_STATUS_INVALID_VALUE;
  if (!is_aligned(a, algorithm.a) || !is_aligned(b, algorithm.b) || !is_aligned(d, algorithm.d) ||
      (operation.bias != nullptr && !is_aligned(operation.bias, algorithm.bias)))
    return CUBLAS_STATUS_NOT_SUPPORTED;
  cuda_emulator::note("launch matmul ", b, " ", a, " ", d);
  const auto tensor = [](const void* memory, const Layout& layout) {
    return cuda_emulator::on_cpu(const_cast<void*>(memory), layout.shape(), dtype_of(layout.type));
  };
  // Column-major d = a b is our row-major d = b a.
  const bool transpose_left = operation.transpose_b == CUBLAS_OP_T;
  const bool transpose_right = operation.transpose_a == CUBLAS_OP_T;
  const auto work = [=, left = tensor(b, of_b), right = tensor(a, of_a), y = tensor(d, of_d)] {
    const bool splits = algorithm.adds_up_in_result_type != 0 && left.dim(2) > 1;
    if (splits && !transpose_left && !transpose_right && operation.bias == nullptr)
      return multiply_in_halves(left, right, y);
    const Tensor bias =
        operation.bias == nullptr
            ? Tensor()
            : cuda_emulator::on_cpu(const_cast<void*>(operation.bias), {y.dim(2)}, y.dtype());
    cpu::matmul(left, right, transpose_left, transpose_right, bias, y);
  };
  const cudaError_t status = cuda_emulator::issue(stream, work);
  return status == cudaSuccess ? CUBLAS_STATUS_SUCCESS : CUBLAS_STATUS_EXECUTION_FAILED;
}

const char* text_of(cublasStatus_t) { return "the emulated cuBLASLt refuses it"; }

cublasStatus_t create_operation(cublasLtMatmulDesc_t* handle, cublasComputeType_t,
                                cudaDataType_t scale) {
  return make(handle, Operation{.scale = scale});
}

cublasStatus_t create_layout(cublasLtMatrixLayout_t* handle, cudaDataType_t type,
                             std::uint64_t rows, std::uint64_t columns, std::int64_t) {
  return make(handle, Layout{.type = type, .rows = rows, .columns = columns});
}

cublasStatus_t create_preference(cublasLtMatmulPreference_t* handle) {
  return make(handle, Preference());
}

}  // namespace

const CublasLt& cublas_lt() {
  static const CublasLt functions = {
      .cublasLtGetStatusString = text_of,
      .cublasLtMatmul = multiply,
      .cublasLtMatmulAlgoGetHeuristic = choose,
      .cublasLtMatmulDescCreate = create_operation,
      .cublasLtMatmulDescDestroy = destroy<Operation, cublasLtMatmulDesc_t>,
      .cublasLtMatmulDescSetAttribute = set_operation,
      .cublasLtMatrixLayoutCreate = create_layout,
      .cublasLtMatrixLayoutDestroy = destroy<Layout, cublasLtMatrixLayout_t>,
      .cublasLtMatrixLayoutSetAttribute = set_layout,
      .cublasLtMatmulPreferenceCreate = create_preference,
      .cublasLtMatmulPreferenceDestroy = destroy<Preference, cublasLtMatmulPreference_t>,
      .cublasLtMatmulPreferenceSetAttribute = set_preference,
  };
  return functions;
}

cublasLtHandle_t cublas_lt_handle(int) { return nullptr; }

void check_cublas(const char* op, const char* call, cublasStatus_t status) {
  OSTEON_CHECK(status == CUBLAS_STATUS_SUCCESS, op, ": ", call, ": ", text_of(status));
}

}  // namespace osteon::cuda
