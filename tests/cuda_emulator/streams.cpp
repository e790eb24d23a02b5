// Streams, events and graphs.
#include "tests/cuda_emulator/streams.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <set>
#include <utility>
#include <vector>

#include "tests/cuda_emulator/runtime.h"
#include "tests/cuda_emulator/settings.h"

namespace {

// A point of a stream, where an event was recorded.
struct Mark {
  cudaStream_t stream;
  bool reached = false;
};

// Waits for `after`, does `work`, and reaches `mark`; each of them may be missing.
struct Item {
  std::shared_ptr<Mark> after;
  std::function<void()> work;
  std::shared_ptr<Mark> mark;
};

}  // namespace

// Types that the runtime only declares.
struct CUstream_st {
  int device = 0;
  bool is_first = false;  // of all streams
  std::deque<Item> queue;
  std::unique_ptr<CUgraph_st> capturing;
  bool is_valid_capture = true;
};
struct CUevent_st {
  int device = 0;
  std::shared_ptr<Mark> last;      // null if it was not recorded yet
  cudaStream_t capture = nullptr;  // that recorded it last, if that was in a capture
};
struct CUgraph_st {
  std::vector<std::function<void()>> work;
  std::set<void*> memory;  // allocated by the graph and not freed in it
};
struct CUgraphExec_st {
  std::vector<std::function<void()>> work;
  bool allocates = false, was_launched = false;
};

namespace cuda_emulator {
namespace {

std::vector<cudaStream_t>& all_streams() {
  static std::vector<cudaStream_t> streams;
  return streams;
}

Order order_from_environment() {
  const char* const name = std::getenv("OSTEON_EMULATED_ORDER");
  if (name == nullptr || std::strcmp(name, "immediate") == 0) return Order::immediate;
  if (std::strcmp(name, "late") == 0) return Order::late;
  if (std::strcmp(name, "early") == 0) return Order::early;
  std::abort();  // a misspelt name would test nothing
}

Order order = order_from_environment();

void reach(const std::shared_ptr<Mark>& mark);

// Does the first item of the queue, or what it waits for.
void go_on(cudaStream_t stream) {
  if (const std::shared_ptr<Mark> after = stream->queue.front().after; after && !after->reached)
    return reach(after);
  const Item item = std::move(stream->queue.front());
  stream->queue.pop_front();
  if (item.work) item.work();
  if (item.mark) item.mark->reached = true;
}

bool is_ready(cudaStream_t stream) {
  return !stream->queue.empty() &&
         (!stream->queue.front().after || stream->queue.front().after->reached);
}

void run_ahead() {
  for (bool any = order == Order::early; any;) {
    any = false;
    for (const cudaStream_t stream : all_streams())
      while (!stream->is_first && is_ready(stream)) go_on(stream), any = true;
  }
}

void reach(const std::shared_ptr<Mark>& mark) {
  while (!mark->reached) {
    go_on(mark->stream);
    run_ahead();
  }
}

void add(cudaStream_t stream, Item item) {
  stream->queue.push_back(std::move(item));
  if (order == Order::immediate) finish(stream);
  run_ahead();
}

bool any_capture() {
  return std::ranges::any_of(all_streams(), [](cudaStream_t each) { return is_capturing(each); });
}

}  // namespace

void set_order(Order wanted) {
  for (const cudaStream_t stream : all_streams()) finish(stream);
  order = wanted;
}

cudaError_t enqueue_copy(cudaStream_t stream, std::function<void()> work) {
  if (stream == nullptr) return report(cudaErrorInvalidResourceHandle);
  if (stream->capturing)
    stream->capturing->work.push_back(std::move(work));
  else
    add(stream, {.after = {}, .work = std::move(work), .mark = {}});
  return cudaSuccess;
}

cudaError_t enqueue(cudaStream_t stream, std::function<void()> work) {
  if (stream == nullptr || stream->device != current_device())
    return report(cudaErrorInvalidResourceHandle);
  return enqueue_copy(stream, std::move(work));
}

int device_of(cudaStream_t stream) { return stream->device; }
bool is_capturing(cudaStream_t stream) { return stream->capturing != nullptr; }

void finish(cudaStream_t stream) {
  while (!stream->queue.empty()) {
    go_on(stream);
    run_ahead();
  }
}

void finish_device(int device) {
  for (const cudaStream_t stream : all_streams())
    if (stream->device == device) finish(stream);
}

bool is_forbidden_by_capture() {
  if (!any_capture()) return false;
  for (const cudaStream_t stream : all_streams()) stream->is_valid_capture = false;
  return true;
}

cudaError_t capture_allocation(cudaStream_t stream, void* memory) {
  stream->capturing->memory.insert(memory);
  return cudaSuccess;
}

cudaError_t capture_free(cudaStream_t stream, void* memory) {
  if (stream->capturing->memory.erase(memory) > 0) return cudaSuccess;
  stream->is_valid_capture = false;
  return report(cudaErrorInvalidValue);
}

}  // namespace cuda_emulator

using namespace cuda_emulator;

cudaError_t cudaStreamCreateWithFlags(cudaStream_t* stream, unsigned int) {
  auto made = std::make_unique<CUstream_st>();
  made->device = current_device();
  made->is_first = all_streams().empty();
  all_streams().push_back(made.get());
  return hand_out(stream, std::move(made));
}

cudaError_t cudaStreamDestroy(cudaStream_t stream) {
  finish(stream);
  std::erase(all_streams(), stream);
  return take_back(stream);
}

cudaError_t cudaStreamSynchronize(cudaStream_t stream) {
  note("cudaStreamSynchronize");
  if (stream->capturing) {
    stream->is_valid_capture = false;
    return report(cudaErrorStreamCaptureUnsupported);
  }
  finish(stream);
  return cudaSuccess;
}

cudaError_t cudaStreamWaitEvent(cudaStream_t stream, cudaEvent_t event, unsigned int) {
  note("cudaStreamWaitEvent ", event);
  if (stream->capturing && event->capture != stream) {
    stream->is_valid_capture = false;
    return report(cudaErrorStreamCaptureIsolation);
  }
  if (!stream->capturing && event->last)
    add(stream, {.after = event->last, .work = {}, .mark = {}});
  return cudaSuccess;
}

cudaError_t cudaEventCreateWithFlags(cudaEvent_t* event, unsigned int) {
  auto made = std::make_unique<CUevent_st>();
  made->device = current_device();
  return hand_out(event, std::move(made));
}
cudaError_t cudaEventDestroy(cudaEvent_t event) { return take_back(event); }

cudaError_t cudaEventRecord(cudaEvent_t event, cudaStream_t stream) {
  note("cudaEventRecord ", event);
  if (event->device != stream->device) return report(cudaErrorInvalidResourceHandle);
  event->capture = stream->capturing ? stream : nullptr;
  if (stream->capturing) return cudaSuccess;
  event->last = std::make_shared<Mark>(Mark{stream});
  add(stream, {.after = {}, .work = {}, .mark = event->last});
  return cudaSuccess;
}

cudaError_t cudaEventSynchronize(cudaEvent_t event) {
  note("cudaEventSynchronize ", event);
  if (event->capture != nullptr) return report(cudaErrorCapturedEvent);
  if (event->last) reach(event->last);
  return cudaSuccess;
}

cudaError_t cudaEventElapsedTime(float* milliseconds, cudaEvent_t, cudaEvent_t) {
  *milliseconds = 1;
  return cudaSuccess;
}

cudaError_t cudaStreamBeginCapture(cudaStream_t stream, cudaStreamCaptureMode) {
  if (stream->capturing) return report(cudaErrorStreamCaptureUnsupported);
  stream->capturing = std::make_unique<CUgraph_st>();
  stream->is_valid_capture = true;
  return cudaSuccess;
}

cudaError_t cudaStreamEndCapture(cudaStream_t stream, cudaGraph_t* graph) {
  *graph = nullptr;
  if (!stream->capturing) return report(cudaErrorInvalidValue);
  auto captured = std::move(stream->capturing);
  if (!stream->is_valid_capture) return report(cudaErrorStreamCaptureInvalidated);
  return hand_out(graph, std::move(captured));
}

cudaError_t cudaGraphInstantiate(cudaGraphExec_t* executable, cudaGraph_t graph,
                                 unsigned long long) {
  auto made = std::make_unique<CUgraphExec_st>();
  made->work = graph->work;
  made->allocates = !graph->memory.empty();
  return hand_out(executable, std::move(made));
}

cudaError_t cudaGraphLaunch(cudaGraphExec_t executable, cudaStream_t stream) {
  if (stream->capturing) return report(cudaErrorStreamCaptureUnsupported);
  if (executable->allocates && executable->was_launched) return report(cudaErrorInvalidValue);
  executable->was_launched = true;
  note("cudaGraphLaunch");
  count_launch();
  for (const auto& work : executable->work) add(stream, {.after = {}, .work = work, .mark = {}});
  return cudaSuccess;
}

cudaError_t cudaGraphDestroy(cudaGraph_t graph) { return take_back(graph); }
cudaError_t cudaGraphExecDestroy(cudaGraphExec_t executable) { return take_back(executable); }
