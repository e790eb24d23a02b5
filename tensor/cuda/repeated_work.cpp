// Warm-up, recording and replay of work on fixed addresses.
#include "tensor/cuda/repeated_work.h"

#include <cstdio>
#include <mutex>
#include <set>

#include "tensor/cuda/graph.h"

namespace osteon::cuda {
namespace {

// Number of calls that run directly before one is recorded. They choose plans, open libraries, fill
// caches and allocate memory, none of which can be recorded; after two calls all this is done.
constexpr int kWarmUp = 2;

// Once per program and kind of work.
void warn(const std::string& name, const Error& error) {
  static std::mutex mutex;
  static std::set<std::string> warned;
  const std::lock_guard lock(mutex);
  if (warned.insert(name).second)
    std::fprintf(stderr,
                 "warning: %s cannot be recorded as a CUDA graph (%s); it is issued call by call, "
                 "with the same results but slower\n",
                 name.c_str(), error.what());
}

}  // namespace

struct RepeatedWork::State {
  bool record();

  const Device device;
  const std::string name;
  const Function function;
  Options options;
  int warm = 0;  // calls that ran directly
  std::unique_ptr<Graph> graph{};
  Tensors fixed_inputs{}, fixed_results{};  // at the addresses of the recording
};

RepeatedWork::RepeatedWork(const Device& device, std::string name, Function function,
                           Options options)
    : state_(std::make_shared<State>(
          State{device, std::move(name), std::move(function), std::move(options)})) {}

// The host runs the whole work, but the device computes nothing yet. Returns false after a failed
// attempt.
bool RepeatedWork::State::record() {
  Tensors before;
  for (const Tensor& tensor : options.host_state) before.push_back(tensor.clone());
  try {
    graph = Graph::record(device, [&] { fixed_results = function(fixed_inputs); });
    return true;
  } catch (const Error& error) {
    warn(name, error);
  }
  for (std::size_t i = 0; i < before.size(); ++i) copy_(options.host_state[i], before[i]);
  options.may_record = false;
  fixed_results.clear();
  return false;
}

Tensors RepeatedWork::operator()(const Tensors& inputs) {
  State& state = *state_;
  if (!state.options.may_record) return state.function(inputs);
  if (state.fixed_inputs.empty())
    for (const Tensor& input : inputs) state.fixed_inputs.push_back(empty_like(input));
  for (std::size_t i = 0; i < inputs.size(); ++i) copy_(state.fixed_inputs[i], inputs[i]);
  if (!state.graph) {
    if (state.warm < kWarmUp) {
      ++state.warm;
      return state.function(state.fixed_inputs);
    }
    if (!state.record()) return state.function(state.fixed_inputs);
  } else if (state.options.note_replay) {
    state.options.note_replay();
  }
  state.graph->replay();
  return state.fixed_results;
}

}  // namespace osteon::cuda
