// Streams, events and graphs.
#include "tests/cuda_emulator/streams.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <optional>
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

// A graph's work: one lane per stream that took part. The first lane is that of the stream on which
// the capture began.
struct Node {
  std::size_t lane;
  std::function<void()> work;
  std::optional<std::size_t> after, mark;  // numbers of marks, as in Item
};

struct Capture {
  std::vector<Node> nodes;
  std::size_t marks = 0;
  std::vector<cudaStream_t> streams;  // by lane
  std::vector<bool> is_joined;        // whether the first lane waits for all work of the lane
  std::set<void*> memory;             // allocated by the graph and not freed in it
  bool is_valid = true;
};

// Types that the runtime only declares.
struct CUstream_st {
  int device = 0;
  bool is_first = false;  // of all streams
  std::deque<Item> queue;
  std::shared_ptr<Capture> capture;
  std::size_t lane = 0;  // in the capture
};
struct CUevent_st {
  int device = 0;
  std::shared_ptr<Mark> last;        // null if it was not recorded yet
  std::shared_ptr<Capture> capture;  // in which it was recorded last, if any
  std::size_t lane = 0, mark = 0;    // there
};
struct CUgraph_st {
  Capture captured;
};
struct CUgraphExec_st {
  Capture captured;
  std::vector<cudaStream_t> lanes;  // of the other lanes
  bool was_launched = false;
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

void add_node(cudaStream_t stream, Node node) {
  Capture& capture = *stream->capture;
  capture.is_joined[node.lane] = node.lane == 0;
  capture.nodes.push_back(std::move(node));
}

// The stream becomes a lane of the capture.
void join(cudaStream_t stream, const std::shared_ptr<Capture>& capture) {
  stream->capture = capture;
  stream->lane = capture->streams.size();
  capture->streams.push_back(stream);
  capture->is_joined.push_back(stream->lane == 0);
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
  if (stream->capture)
    add_node(stream, {.lane = stream->lane, .work = std::move(work), .after = {}, .mark = {}});
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
bool is_capturing(cudaStream_t stream) { return stream->capture != nullptr; }

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
  for (const cudaStream_t stream : all_streams())
    if (stream->capture) stream->capture->is_valid = false;
  return true;
}

cudaError_t capture_allocation(cudaStream_t stream, void* memory) {
  stream->capture->memory.insert(memory);
  return cudaSuccess;
}

cudaError_t capture_free(cudaStream_t stream, void* memory) {
  if (stream->capture->memory.erase(memory) > 0) return cudaSuccess;
  stream->capture->is_valid = false;
  return report(cudaErrorInvalidValue);
}

}  // namespace cuda_emulator

using namespace cuda_emulator;

namespace {

cudaStream_t make_stream() {
  auto made = std::make_unique<CUstream_st>();
  made->device = current_device();
  made->is_first = all_streams().empty();
  all_streams().push_back(made.get());
  return made.release();
}

}  // namespace

cudaError_t cudaStreamCreateWithFlags(cudaStream_t* stream, unsigned int) {
  *stream = make_stream();
  return cudaSuccess;
}

cudaError_t cudaStreamDestroy(cudaStream_t stream) {
  finish(stream);
  std::erase(all_streams(), stream);
  return take_back(stream);
}

cudaError_t cudaStreamSynchronize(cudaStream_t stream) {
  note("cudaStreamSynchronize");
  if (stream->capture) {
    stream->capture->is_valid = false;
    return report(cudaErrorStreamCaptureUnsupported);
  }
  finish(stream);
  return cudaSuccess;
}

// A stream that waits for an event of a capture takes part in the capture from then on.
cudaError_t cudaStreamWaitEvent(cudaStream_t stream, cudaEvent_t event, unsigned int) {
  note("cudaStreamWaitEvent ", event);
  if (stream->capture && event->capture != stream->capture) {
    stream->capture->is_valid = false;
    return report(cudaErrorStreamCaptureIsolation);
  }
  if (!event->capture) {
    if (event->last) add(stream, {.after = event->last, .work = {}, .mark = {}});
    return cudaSuccess;
  }
  if (event->capture->streams.empty()) return report(cudaErrorCapturedEvent);  // it has ended
  if (!stream->capture) join(stream, event->capture);
  add_node(stream, {.lane = stream->lane, .work = {}, .after = event->mark, .mark = {}});
  const auto is_after_mark = [&](const Node& node) {
    return node.lane == event->lane && (node.work || node.after);
  };
  const auto& nodes = stream->capture->nodes;
  const auto mark = std::ranges::find(nodes, std::optional(event->mark), &Node::mark);
  if (stream->lane == 0 && std::none_of(mark, nodes.end(), is_after_mark))
    stream->capture->is_joined[event->lane] = true;
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
  event->capture = stream->capture;
  if (Capture* const capture = stream->capture.get()) {
    event->lane = stream->lane;
    event->mark = capture->marks++;
    capture->nodes.push_back({.lane = stream->lane, .work = {}, .after = {}, .mark = event->mark});
    return cudaSuccess;
  }
  event->last = std::make_shared<Mark>(Mark{stream});
  add(stream, {.after = {}, .work = {}, .mark = event->last});
  return cudaSuccess;
}

cudaError_t cudaEventSynchronize(cudaEvent_t event) {
  note("cudaEventSynchronize ", event);
  if (event->capture) return report(cudaErrorCapturedEvent);
  if (event->last) reach(event->last);
  return cudaSuccess;
}

cudaError_t cudaEventElapsedTime(float* milliseconds, cudaEvent_t, cudaEvent_t) {
  *milliseconds = 1;
  return cudaSuccess;
}

cudaError_t cudaStreamBeginCapture(cudaStream_t stream, cudaStreamCaptureMode) {
  if (stream->capture) return report(cudaErrorStreamCaptureUnsupported);
  join(stream, std::make_shared<Capture>());
  return cudaSuccess;
}

cudaError_t cudaStreamEndCapture(cudaStream_t stream, cudaGraph_t* graph) {
  *graph = nullptr;
  if (!stream->capture) return report(cudaErrorInvalidValue);
  const std::shared_ptr<Capture> capture = stream->capture;
  if (stream->lane != 0) return report(cudaErrorStreamCaptureUnmatched);
  for (const cudaStream_t each : capture->streams) each->capture.reset();
  auto made = std::make_unique<CUgraph_st>(CUgraph_st{*capture});
  capture->streams.clear();
  if (!capture->is_valid) return report(cudaErrorStreamCaptureInvalidated);
  if (std::ranges::count(capture->is_joined, false) > 0)
    return report(cudaErrorStreamCaptureUnjoined);
  return hand_out(graph, std::move(made));
}

cudaError_t cudaGraphInstantiate(cudaGraphExec_t* executable, cudaGraph_t graph,
                                 unsigned long long) {
  auto made = std::make_unique<CUgraphExec_st>();
  made->captured = graph->captured;
  for (std::size_t i = 1; i < made->captured.streams.size(); ++i)
    made->lanes.push_back(make_stream());
  return hand_out(executable, std::move(made));
}

cudaError_t cudaGraphLaunch(cudaGraphExec_t executable, cudaStream_t stream) {
  if (stream->capture) return report(cudaErrorStreamCaptureUnsupported);
  const Capture& captured = executable->captured;
  if (!captured.memory.empty() && executable->was_launched) return report(cudaErrorInvalidValue);
  executable->was_launched = true;
  note("cudaGraphLaunch");
  count_launch();
  const auto stream_of = [&](std::size_t lane) {
    return lane == 0 ? stream : executable->lanes[lane - 1];
  };
  std::vector<std::shared_ptr<Mark>> marks(captured.marks);
  for (const Node& node : captured.nodes)
    if (node.mark) marks[*node.mark] = std::make_shared<Mark>(Mark{stream_of(node.lane)});
  const auto mark_of = [&](const std::optional<std::size_t>& number) {
    return number ? marks[*number] : nullptr;
  };
  for (const Node& node : captured.nodes)
    add(stream_of(node.lane),
        {.after = mark_of(node.after), .work = node.work, .mark = mark_of(node.mark)});
  return cudaSuccess;
}

cudaError_t cudaGraphDestroy(cudaGraph_t graph) { return take_back(graph); }
cudaError_t cudaGraphExecDestroy(cudaGraphExec_t executable) {
  for (const cudaStream_t lane : executable->lanes) static_cast<void>(cudaStreamDestroy(lane));
  return take_back(executable);
}
