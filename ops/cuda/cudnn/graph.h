// A cuDNN operation graph for a spec: its configurations, compilation, execution and serialisation.
// plans.h decides which graph is used. Only graph.cpp includes NVIDIA's cudnn-frontend, because a
// file that includes it compiles for half a minute.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "ops/cuda/cudnn/spec.h"
#include "tensor/device.h"

namespace osteon::cuda {

// The role of a buffer in a spec.
enum class Role : std::int64_t {
  x = 1,
  weight,
  y,
  bias,
  residual,
  relu_mask,
  mean,
  inverse_std,
  running_mean,
  running_var,
  next_running_mean,  // may share running_mean's memory
  next_running_var,   // may share running_var's memory
  dy,
  dx,
  dweight,
  dbias,
  dresidual,
  query,
  key,
  value,
  log_sum,
  dquery,
  dkey,
  dvalue,
};

struct Binding {
  Role role;
  void* memory;  // on the device, aligned to 16 bytes
};

// "cuDNN 9.19.0, cudnn-frontend 1.18.0". Stored plans are valid only for the version that made
// them.
std::string cudnn_version();

// In cuDNN's reason why it has no plan, if it could not load a library: fused graphs need NVRTC.
inline constexpr const char* kMissingLibrary =
    "CUDNN_STATUS_NOT_SUPPORTED_RUNTIME_PREREQUISITE_MISSING";

// A device that graphs are compiled for.
class CudnnTarget {
 public:
  // A device that is present: opens cuDNN on its stream. Throws Error with cuDNN's reason.
  explicit CudnnTarget(const Device& device);
  // A device that need not be present, given as cuDNN's own description in JSON. Its graphs can be
  // compiled and stored, but not executed. (cudnn-frontend checks graphs of attention for the
  // present device; tests/cudnn/fake_device.cpp takes its place.) Throws Error if cuDNN rejects the
  // description.
  explicit CudnnTarget(const std::string& properties);
  ~CudnnTarget();
  CudnnTarget(const CudnnTarget&) = delete;
  CudnnTarget& operator=(const CudnnTarget&) = delete;

 private:
  friend class CudnnGraph;
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

// Not copyable; used by one thread at a time. The target must outlive it.
class CudnnGraph {
 public:
  // Gets the configurations from cuDNN's heuristics, best first. Excluded are those that round f32
  // factors (unless spec.tf32) or accumulate in lower precision, and those whose results differ
  // from run to run, unless `allow_nondeterministic`. Throws Error with cuDNN's reason if there is
  // no configuration at all.
  CudnnGraph(const CudnnTarget& target, const CudnnSpec& spec, bool allow_nondeterministic);
  // From the bytes of serialise(), on a target of the same kind. Throws Error if cuDNN rejects
  // them.
  CudnnGraph(const CudnnTarget& target, const std::string& bytes);
  ~CudnnGraph();
  CudnnGraph(CudnnGraph&&) noexcept;
  CudnnGraph& operator=(CudnnGraph&&) noexcept;

  std::int64_t configurations() const;
  // Compiles configuration i and selects it for the functions below. Returns false if it is
  // excluded or cuDNN cannot compile it; failures() then also has the reason.
  bool build(std::int64_t i);
  // The same for the first configuration that compiles and has a workspace of at most 256 MB, or,
  // if there is none, the first one that compiles.
  bool build_first();

  // cuDNN's reasons for the configurations that are not excluded but could not be compiled.
  const std::vector<std::string>& failures() const;

  // cuDNN's name of the engine and its settings; empty for a graph made from bytes.
  std::string engine() const;
  std::int64_t workspace_bytes() const;
  // Not for a graph made from bytes: cuDNN would give an incomplete one, which it refuses later.
  std::string serialise() const;
  // Executes the graph on the device's stream. `workspace` has workspace_bytes().
  void execute(std::span<const Binding> bindings, void* workspace) const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace osteon::cuda
