// Work that is issued to a CUDA device again and again, on inputs of the same shapes: it is
// recorded once as a graph (graph.h) and then replayed with one call.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "tensor/tensor.h"

namespace osteon::cuda {

class RepeatedWork {
 public:
  // Issues the work and returns its results. Values that change from call to call must be in the
  // inputs: a replay does not call the function.
  using Function = std::function<Tensors(const Tensors& inputs)>;

  struct Options {
    bool may_record = true;  // false: each call issues the work call by call
    // The tensors on the CPU that the work changes. They get their values back after an attempt to
    // record the work that failed.
    Tensors host_state{};
    // Makes the work's changes on the CPU, which a replay does not make.
    std::function<void()> note_replay{};
  };

  // Messages call the work `name`.
  RepeatedWork(const Device& device, std::string name, Function function, Options options);

  // The results of the work on these inputs, valid until the next call. Each call must use the same
  // arena (allocator.h), from which nothing else may allocate during a call. If the work cannot be
  // recorded, a warning says so once per program, and it is issued call by call from then on.
  Tensors operator()(const Tensors& inputs);

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace osteon::cuda
