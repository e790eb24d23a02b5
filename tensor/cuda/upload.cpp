// Asynchronous copies with page-locked memory, a separate stream and events. Buffers are used in
// turn.
#include "tensor/cuda/upload.h"

#include <array>
#include <cstring>
#include <deque>

#include "tensor/cuda/context.h"
#include "tensor/cuda/transfer.h"

namespace osteon::cuda {
namespace {

// An event that orders copies, without timing.
Event make_mark() { return make_event("copy", cudaEventDisableTiming); }

// Makes `list` hold tensors like the given ones and keeps those that already match. Returns whether
// any is new.
template <class Make>
bool make_alike(Tensors& list, const Tensors& tensors, const Make& make) {
  bool any_new = false;
  list.resize(tensors.size());
  for (std::size_t i = 0; i < tensors.size(); ++i) {
    const bool fits = list[i].defined() && list[i].shape() == tensors[i].shape() &&
                      list[i].dtype() == tensors[i].dtype();
    if (!fits) list[i] = make(tensors[i]);
    any_new = any_new || !fits;
  }
  return any_new;
}

}  // namespace

struct Upload::State {
  struct Turn {
    Tensors staging, arrived;      // page-locked; on the device
    Event copied = make_mark();    // then the staging memory may be overwritten
    Event consumed = make_mark();  // then the device memory may be overwritten
  };
  explicit State(const Device& to) : device(to) {}

  const Device device;
  Context& opened = context(device);
  std::array<Turn, 2> turns;
  std::size_t next = 0;
  Turn* last = nullptr;
};

Upload::Upload(const Device& device) : state_(std::make_shared<State>(device)) {}

Tensors Upload::operator()(const Tensors& sources) {
  const cudaStream_t compute = state_->opened.stream(), copies = state_->opened.copy_stream();
  // All work that reads the previous batch has been issued by now.
  if (state_->last)
    OSTEON_CUDA_CHECK("upload", cudaEventRecord, state_->last->consumed.get(), compute);
  State::Turn& turn = state_->turns[state_->next];
  state_->next = (state_->next + 1) % state_->turns.size();
  state_->last = &turn;
  OSTEON_CUDA_CHECK("upload", cudaEventSynchronize, turn.copied.get());
  make_alike(turn.staging, sources, [&](const Tensor& source) {
    return empty_pinned(source.shape(), source.dtype(), state_->device);
  });
  const bool is_new = make_alike(turn.arrived, sources, [&](const Tensor& source) {
    return Tensor(source.shape(), source.dtype(), state_->device);
  });
  // New memory may have been freed by work that is still running.
  if (is_new) OSTEON_CUDA_CHECK("upload", cudaEventRecord, turn.consumed.get(), compute);
  OSTEON_CUDA_CHECK("upload", cudaStreamWaitEvent, copies, turn.consumed.get(), 0U);
  for (std::size_t i = 0; i < sources.size(); ++i) {
    std::memcpy(turn.staging[i].raw(), sources[i].raw(), sources[i].bytes());
    OSTEON_CUDA_CHECK("upload", cudaMemcpyAsync, turn.arrived[i].raw(), turn.staging[i].raw(),
                      sources[i].bytes(), cudaMemcpyHostToDevice, copies);
  }
  OSTEON_CUDA_CHECK("upload", cudaEventRecord, turn.copied.get(), copies);
  OSTEON_CUDA_CHECK("upload", cudaStreamWaitEvent, compute, turn.copied.get(), 0U);
  return turn.arrived;
}

struct Downloads::State {
  struct Turn {
    Tensors arrived;  // page-locked
    Event copied = make_mark();
  };
  explicit State(const Device& from) : device(from) {}

  const Device device;
  Context& opened = context(device);
  std::array<Turn, 3> turns;
  std::size_t next = 0;
  std::deque<Turn*> issued;
};

Downloads::Downloads(const Device& device) : state_(std::make_shared<State>(device)) {}

void Downloads::issue(const Tensors& tensors) {
  const cudaStream_t compute = state_->opened.stream();
  OSTEON_CHECK(state_->issued.size() < state_->turns.size(), "download: ", state_->issued.size(),
               " copies were issued and none was taken");
  State::Turn& turn = state_->turns[state_->next];
  state_->next = (state_->next + 1) % state_->turns.size();
  make_alike(turn.arrived, tensors, [&](const Tensor& tensor) {
    return empty_pinned(tensor.shape(), tensor.dtype(), state_->device);
  });
  for (std::size_t i = 0; i < tensors.size(); ++i)
    OSTEON_CUDA_CHECK("download", cudaMemcpyAsync, turn.arrived[i].raw(), tensors[i].raw(),
                      tensors[i].bytes(), cudaMemcpyDeviceToHost, compute);
  OSTEON_CUDA_CHECK("download", cudaEventRecord, turn.copied.get(), compute);
  state_->issued.push_back(&turn);
}

Tensors Downloads::take() {
  OSTEON_CHECK(!state_->issued.empty(), "download: take() without an issued copy");
  State::Turn& turn = *state_->issued.front();
  state_->issued.pop_front();
  OSTEON_CUDA_CHECK("download", cudaEventSynchronize, turn.copied.get());
  return turn.arrived;
}

}  // namespace osteon::cuda
