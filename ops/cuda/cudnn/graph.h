// A graph of operations in cuDNN, made from a spec: what can compute it, compiled, executed, and as
// bytes to be stored. Which one is used when is not decided here (plans.h). NVIDIA's
// cudnn-frontend, which this stands on, is included by graph.cpp alone: a file that includes
// it takes half a minute to compile.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "ops/cuda/cudnn/spec.h"
#include "tensor/device.h"

namespace osteon::cuda {

// What a piece of memory is to a spec.
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
  next_running_mean,  // may be running_mean's memory
  next_running_var,   // may be running_var's
  dy,
  dx,
  dweight,
  dbias,
  dresidual,
};

struct Binding {
  Role role;
  void* memory;  // on the device, aligned to 16 bytes
};

// "cuDNN 9.19.0, cudnn-frontend 1.18.0": plans stored by one version are not for another.
std::string cudnn_version();

// A device that graphs are compiled for.
class CudnnTarget {
 public:
  // One that is here: opens cuDNN on its stream. Throws Error with cuDNN's reason.
  explicit CudnnTarget(const Device& device);
  // One that need not be here: cuDNN's own description of it, in JSON. Its graphs can be compiled
  // and stored, but not executed. Throws Error if cuDNN does not understand it.
  explicit CudnnTarget(const std::string& properties);
  ~CudnnTarget();
  CudnnTarget(const CudnnTarget&) = delete;
  CudnnTarget& operator=(const CudnnTarget&) = delete;

 private:
  friend class CudnnGraph;
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

// Not copied; used by one thread at a time. The target must outlive it.
class CudnnGraph {
 public:
  // Asks cuDNN's heuristics for configurations, best first. Barred are those that round what is
  // f32 (unless spec.tf32) or sums to less, and those whose results differ from run to run unless
  // `allow_nondeterministic`. Throws Error with cuDNN's reason if there is none at all.
  CudnnGraph(const CudnnTarget& target, const CudnnSpec& spec, bool allow_nondeterministic);
  // What serialise() returned, on a target of the same kind. Throws Error if cuDNN refuses it.
  CudnnGraph(const CudnnTarget& target, const std::string& bytes);
  ~CudnnGraph();
  CudnnGraph(CudnnGraph&&) noexcept;
  CudnnGraph& operator=(CudnnGraph&&) noexcept;

  std::int64_t configurations() const;
  // Compiles configuration i and makes it the one that the functions below speak of. False where it
  // is barred or cuDNN cannot compile it after all.
  bool build(std::int64_t i);
  // The same for the first that can be built.
  bool build_first();

  // cuDNN's name of the engine and its settings; empty when it came from bytes.
  std::string engine() const;
  std::int64_t workspace_bytes() const;
  std::string serialise() const;
  // Issues it on the device's stream. `workspace` has workspace_bytes().
  void execute(std::span<const Binding> bindings, void* workspace) const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace osteon::cuda
