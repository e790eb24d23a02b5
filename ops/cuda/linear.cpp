// Matrix products with cuBLASLt; the bias is added in its epilogue. cuBLAS is column-major and we
// are row-major: our y [rows, columns] is its y^T. So it computes y^T = b^T a^T, and no memory is
// reordered.
#include <map>
#include <mutex>
#include <tuple>

#include "ops/backend.h"
#include "ops/cuda/cublas/cublas_lt.h"
#include "ops/kernels.h"
#include "tensor/cuda/context.h"
#include "tensor/cuda/rehearsal.h"
#include "tensor/cuda/transfer.h"

namespace osteon::cuda {
namespace {

constexpr std::size_t kMaxWorkspace = 32 * 1024 * 1024;  // NVIDIA's recommendation for sm_90

// Owner of a cuBLASLt descriptor.
template <class T, auto CublasLt::*destroy>
class Description {
 public:
  template <class Create, class... Args>
  Description(const char* call, Create create, Args... args) {
    check_cublas("matmul", call, create(&handle_, args...));
  }
  ~Description() { static_cast<void>((cublas_lt().*destroy)(handle_)); }
  Description(const Description&) = delete;
  Description& operator=(const Description&) = delete;
  T get() const { return handle_; }

 private:
  T handle_ = nullptr;
};

using Operation = Description<cublasLtMatmulDesc_t, &CublasLt::cublasLtMatmulDescDestroy>;
using Layout = Description<cublasLtMatrixLayout_t, &CublasLt::cublasLtMatrixLayoutDestroy>;
using Preference =
    Description<cublasLtMatmulPreference_t, &CublasLt::cublasLtMatmulPreferenceDestroy>;

struct Types {
  cudaDataType_t data, scale;
  cublasComputeType_t compute;
};

Types types_of(DType dtype) {
  switch (dtype) {
    case DType::f64:
      return {CUDA_R_64F, CUDA_R_64F, CUBLAS_COMPUTE_64F};
    case DType::bf16:
      return {CUDA_R_16BF, CUDA_R_32F, CUBLAS_COMPUTE_32F};
    default:
      return {CUDA_R_32F, CUDA_R_32F,
              allow_tf32() ? CUBLAS_COMPUTE_32F_FAST_TF32 : CUBLAS_COMPUTE_32F};
  }
}

void set(const Operation& operation, cublasLtMatmulDescAttributes_t attribute, const auto& value) {
  check_cublas(
      "matmul", "cublasLtMatmulDescSetAttribute",
      cublas_lt().cublasLtMatmulDescSetAttribute(operation.get(), attribute, &value, sizeof value));
}

void set(const Layout& layout, cublasLtMatrixLayoutAttribute_t attribute, const auto& value) {
  check_cublas(
      "matmul", "cublasLtMatrixLayoutSetAttribute",
      cublas_lt().cublasLtMatrixLayoutSetAttribute(layout.get(), attribute, &value, sizeof value));
}

// The layout of our batch [B, rows, columns]: for cuBLAS, B matrices [columns, rows].
Layout layout_of(const Tensor& x, const Types& types) {
  const auto rows = static_cast<std::uint64_t>(x.dim(2)),
             columns = static_cast<std::uint64_t>(x.dim(1));
  return Layout("cublasLtMatrixLayoutCreate", cublas_lt().cublasLtMatrixLayoutCreate, types.data,
                rows, columns, std::max<std::int64_t>(x.dim(2), 1));
}

// A single matrix is used for the whole batch: its stride is 0.
void set_batch(const Layout& layout, const Tensor& x, std::int64_t batch) {
  const std::int64_t stride = x.dim(0) == 1 ? 0 : x.dim(1) * x.dim(2);
  set(layout, CUBLASLT_MATRIX_LAYOUT_BATCH_COUNT, static_cast<std::int32_t>(batch));
  set(layout, CUBLASLT_MATRIX_LAYOUT_STRIDED_BATCH_OFFSET, stride);
}

// The largest power of two that divides an address, at most 256.
std::uint32_t alignment_of(const Tensor& x) {
  const auto address = reinterpret_cast<std::uintptr_t>(x.raw());
  return static_cast<std::uint32_t>(std::min<std::uintptr_t>(address & (~address + 1), 256));
}

// The key that determines the choice of an algorithm.
using Problem = std::tuple<int, DType, bool, bool, bool, std::uint32_t, std::vector<std::int64_t>,
                           std::uint32_t, std::uint32_t, std::uint32_t>;

Problem problem_of(const Tensor& a, const Tensor& b, bool transpose_a, bool transpose_b,
                   const Tensor& bias, const Tensor& y) {
  return {y.device().index,
          y.dtype(),
          y.dtype() == DType::f32 && allow_tf32(),
          transpose_a,
          transpose_b,
          bias.defined() ? alignment_of(bias) : 0,  // the heuristics read its pointer
          {y.dim(0), y.dim(1), y.dim(2), a.dim(transpose_a ? 1 : 2), a.dim(0), b.dim(0)},
          alignment_of(a),
          alignment_of(b),
          alignment_of(y)};
}

struct Call {
  const Operation& operation;
  const Layout &left, &right, &out;  // in cuBLAS's order: b, a, y
};

struct Algorithm {
  cublasLtMatmulAlgo_t algorithm;
  std::int64_t workspace_bytes;
};

Algorithm choose_algorithm(const Problem& problem, const Call& call) {
  const CublasLt& library = cublas_lt();
  const Preference preference("cublasLtMatmulPreferenceCreate",
                              library.cublasLtMatmulPreferenceCreate);
  const auto prefer = [&](cublasLtMatmulPreferenceAttributes_t attribute, const auto& value) {
    check_cublas("matmul", "cublasLtMatmulPreferenceSetAttribute",
                 library.cublasLtMatmulPreferenceSetAttribute(preference.get(), attribute, &value,
                                                              sizeof value));
  };
  const auto& [device, dtype, tf32, ta, tb, bias, extents, align_a, align_b, align_y] = problem;
  if (dtype == DType::bf16) require_bf16("matmul in bf16", Device::cuda(device));
  prefer(CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES, kMaxWorkspace);
  // Partial sums of a product that is split stay in f32, also if its result is bf16.
  prefer(CUBLASLT_MATMUL_PREF_REDUCTION_SCHEME_MASK,
         static_cast<std::uint32_t>(CUBLASLT_REDUCTION_SCHEME_COMPUTE_TYPE));
  prefer(CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_A_BYTES, align_b);
  prefer(CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_B_BYTES, align_a);
  prefer(CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_C_BYTES, align_y);
  prefer(CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_D_BYTES, align_y);
  cublasLtMatmulHeuristicResult_t best{};
  int found = 0;
  const cublasStatus_t status = library.cublasLtMatmulAlgoGetHeuristic(
      cublas_lt_handle(device), call.operation.get(), call.left.get(), call.right.get(),
      call.out.get(), call.out.get(), preference.get(), 1, &best, &found);
  OSTEON_CHECK(status == CUBLAS_STATUS_SUCCESS && found > 0,
               "matmul: cuBLASLt has no algorithm for ", Shape(extents),
               " (batch, rows, columns, inner) in ", dtype);
  return {best.algo, static_cast<std::int64_t>(best.workspaceSize)};
}

// The choice of an algorithm takes as long as a small product, so the results are cached.
Algorithm algorithm_for(const Problem& problem, const Call& call) {
  static std::map<Problem, Algorithm> known;
  static std::mutex mutex;
  const std::lock_guard lock(mutex);
  const auto found = known.find(problem);
  if (found != known.end()) return found->second;
  return known[problem] = choose_algorithm(problem, call);
}

}  // namespace

void matmul(const Tensor& a, const Tensor& b, bool transpose_a, bool transpose_b,
            const Tensor& bias, const Tensor& y) {
  if (y.numel() == 0) return;
  if (a.numel() == 0) {  // empty sum: cuBLAS rejects it
    fill_(y, 0);
    if (bias.defined()) elementwise_forward<functors::Add>({}, {y, bias}, y);
    return;
  }
  const Types types = types_of(y.dtype());
  const Context& device = context(y.device());
  const Operation operation("cublasLtMatmulDescCreate", cublas_lt().cublasLtMatmulDescCreate,
                            types.compute, types.scale);
  set(operation, CUBLASLT_MATMUL_DESC_TRANSA, transpose_b ? CUBLAS_OP_T : CUBLAS_OP_N);
  set(operation, CUBLASLT_MATMUL_DESC_TRANSB, transpose_a ? CUBLAS_OP_T : CUBLAS_OP_N);
  if (bias.defined()) {
    set(operation, CUBLASLT_MATMUL_DESC_EPILOGUE, CUBLASLT_EPILOGUE_BIAS);
    set(operation, CUBLASLT_MATMUL_DESC_BIAS_POINTER, static_cast<const void*>(bias.raw()));
  }
  const Layout left = layout_of(b, types), right = layout_of(a, types), out = layout_of(y, types);
  set_batch(left, b, y.dim(0));
  set_batch(right, a, y.dim(0));
  set_batch(out, y, y.dim(0));
  const auto [algorithm, workspace_bytes] = algorithm_for(
      problem_of(a, b, transpose_a, transpose_b, bias, y), {operation, left, right, out});
  const Tensor workspace({workspace_bytes}, DType::u8, y.device());
  if (is_rehearsing()) return;
  const double one = 1, zero = 0;
  const float one_f32 = 1, zero_f32 = 0;
  const bool wide = types.scale == CUDA_R_64F;
  check_cublas("matmul", "cublasLtMatmul",
               cublas_lt().cublasLtMatmul(cublas_lt_handle(device.index()), operation.get(),
                                          wide ? static_cast<const void*>(&one) : &one_f32, b.raw(),
                                          left.get(), a.raw(), right.get(),
                                          wide ? static_cast<const void*>(&zero) : &zero_f32,
                                          y.raw(), out.get(), y.raw(), out.get(), &algorithm,
                                          workspace.raw(), workspace.bytes(), device.stream()));
}

}  // namespace osteon::cuda
