// Replaces comm/nccl/nccl.cpp: sums between processes that have an emulated device each. It is
// stricter than the library: each two processes must make the same calls with the same counts in
// the same order, all on one stream, and none after an abort. The sum has another order than a
// tree, as a library may choose.
#include "comm/nccl/nccl.h"

#include <cstdint>
#include <cstring>
#include <memory>
#include <optional>
#include <sstream>
#include <utility>
#include <vector>

#include "tests/cuda_emulator/emulator.h"
#include "tests/cuda_emulator/meeting.h"
#include "tests/cuda_emulator/memory.h"
#include "tests/cuda_emulator/runtime.h"
#include "tests/cuda_emulator/settings.h"

namespace osteon::cuda {

struct NcclComm {
  std::shared_ptr<cuda_emulator::Meeting> meeting;
  cudaStream_t stream = nullptr;
  std::vector<int> calls;  // with each peer
  bool is_aborted = false;
};

namespace {

using cuda_emulator::Fault;
using cuda_emulator::Message;

constexpr auto kInvalidArgument = static_cast<NcclResult>(4);
constexpr auto kRemoteError = static_cast<NcclResult>(6);

std::optional<int> sums_until_failure;

std::size_t bytes_of(std::size_t count, NcclType type) {
  return count * (type == kNcclFloat32 ? 4 : 8);
}

template <class... Parts>
std::string text_of(const Parts&... parts) {
  std::ostringstream text;
  (text << ... << parts);
  return text.str();
}

void begin_call(NcclComm& comm, cudaStream_t stream, const std::string& what) {
  if (comm.is_aborted) throw Fault("NCCL: " + what + " after ncclCommAbort");
  if (comm.stream != nullptr && comm.stream != stream)
    throw Fault("NCCL: " + what + " on another stream than the call before");
  comm.stream = stream;
  cuda_emulator::note(what);
}

// The same in both processes.
std::string next_call(NcclComm& comm, int peer, const std::string& what) {
  return text_of(what, ", call ", comm.calls[static_cast<std::size_t>(peer)]++, " of the two");
}

bool is_on_device(const void* memory, std::size_t bytes) {
  return cuda_emulator::where_is(memory, bytes) == cuda_emulator::Where::device;
}

// `calls`: their texts, by process.
template <class T>
void add_all(cuda_emulator::Meeting& meeting, const std::vector<std::string>& calls, T* x,
             std::size_t count) {
  std::vector<std::vector<T>> all(calls.size(), std::vector<T>(count));
  std::vector<Message> sent, received;
  const std::size_t bytes = count * sizeof(T);
  for (int peer = 0; peer < meeting.size(); ++peer) {
    const auto place = static_cast<std::size_t>(peer);
    std::memcpy(all[place].data(), x, bytes);
    if (peer == meeting.rank()) continue;
    sent.push_back({peer, reinterpret_cast<std::byte*>(x), bytes, calls[place]});
    received.push_back(
        {peer, reinterpret_cast<std::byte*>(all[place].data()), bytes, calls[place]});
  }
  meeting.exchange(sent, received);
  for (std::size_t i = 0; i < count; ++i) {
    T sum = all.back()[i];
    for (std::size_t k = all.size() - 1; k-- > 0;) sum += all[k][i];
    x[i] = sum;
  }
}

NcclResult all_reduce(const void* from, void* to, std::size_t count, NcclType type,
                      NcclOperation operation, NcclComm* comm, cudaStream_t stream) {
  const std::string what =
      text_of("ncclAllReduce of ", count, type == kNcclFloat32 ? " f32" : " f64");
  begin_call(*comm, stream, what);
  if (from != to || operation != kNcclSum || !is_on_device(to, bytes_of(count, type)))
    return kInvalidArgument;
  std::vector<std::string> calls;
  for (int peer = 0; peer < comm->meeting->size(); ++peer)
    calls.push_back(next_call(*comm, peer, what));
  cuda_emulator::issue(stream, [=, meeting = comm->meeting] {
    if (sums_until_failure) --*sums_until_failure;
    if (type == kNcclFloat32)
      add_all(*meeting, calls, static_cast<float*>(to), count);
    else
      add_all(*meeting, calls, static_cast<double*>(to), count);
  });
  return kNcclSuccess;
}

// The calls of an open group.
struct Group {
  bool is_open = false;
  NcclComm* comm = nullptr;
  cudaStream_t stream = nullptr;
  std::vector<Message> sent, received;
} group;

NcclResult add_to_group(std::vector<Message>& messages, void* data, std::size_t count,
                        NcclType type, int peer, NcclComm* comm, cudaStream_t stream) {
  if (!group.is_open) throw Fault("NCCL: ncclSend or ncclRecv outside of a group");
  if (!is_on_device(data, bytes_of(count, type)) || peer == comm->meeting->rank())
    return kInvalidArgument;
  group.comm = comm;
  group.stream = stream;
  messages.push_back({peer, static_cast<std::byte*>(data), bytes_of(count, type), {}});
  return kNcclSuccess;
}

// A group is an exchange with one peer. The two sides may differ in their counts by an element, so
// the text has the sum of both directions.
NcclResult end_group() {
  Group ended = std::exchange(group, {});
  if (ended.comm == nullptr) return kNcclSuccess;
  std::vector<Message*> messages;
  for (auto* const list : {&ended.sent, &ended.received})
    for (Message& message : *list) messages.push_back(&message);
  std::size_t bytes = 0;
  for (const Message* const message : messages) {
    bytes += message->bytes;
    if (message->peer != messages[0]->peer) throw Fault("NCCL: a group with several peers");
  }
  const std::string what = text_of("a group of ", bytes, " bytes");
  begin_call(*ended.comm, ended.stream, what);
  const std::string call = next_call(*ended.comm, messages[0]->peer, what);
  for (Message* const message : messages) message->call = call;
  cuda_emulator::issue(ended.stream, [ended, meeting = ended.comm->meeting] {
    if (sums_until_failure) --*sums_until_failure;
    meeting->exchange(ended.sent, ended.received);
  });
  return kNcclSuccess;
}

const char* text_of_result(NcclResult result) {
  if (result == kInvalidArgument) return "invalid argument";
  if (result == kRemoteError) return "remote process exited or there was a network error";
  return result == kNcclSuccess ? "no error" : "another error";
}

NcclResult init_rank(NcclComm** comm, int size, NcclId id, int rank) {
  *comm = new NcclComm{.meeting = std::make_shared<cuda_emulator::Meeting>(id.bytes, rank, size),
                       .calls = std::vector<int>(static_cast<std::size_t>(size))};
  return kNcclSuccess;
}

NcclResult get_async_error(NcclComm*, NcclResult* error) {
  *error = sums_until_failure && *sums_until_failure < 0 ? kRemoteError : kNcclSuccess;
  return kNcclSuccess;
}

}  // namespace

const Nccl& nccl() {
  static const Nccl functions{
      .ncclGetUniqueId =
          [](NcclId* id) {
            const std::string name = cuda_emulator::Meeting::new_name();
            std::strncpy(id->bytes, name.c_str(), sizeof id->bytes - 1);
            return kNcclSuccess;
          },
      .ncclCommInitRank = init_rank,
      .ncclCommDestroy =
          [](NcclComm* comm) {
            delete comm;
            return kNcclSuccess;
          },
      // The communicator stays, so that later calls are noticed.
      .ncclCommAbort =
          [](NcclComm* comm) {
            cuda_emulator::note("ncclCommAbort");
            comm->is_aborted = true;
            return kNcclSuccess;
          },
      .ncclCommGetAsyncError = get_async_error,
      .ncclGetErrorString = text_of_result,
      .ncclAllReduce = all_reduce,
      .ncclSend =
          [](const void* from, std::size_t count, NcclType type, int peer, NcclComm* comm,
             cudaStream_t stream) {
            return add_to_group(group.sent, const_cast<void*>(from), count, type, peer, comm,
                                stream);
          },
      .ncclRecv =
          [](void* to, std::size_t count, NcclType type, int peer, NcclComm* comm,
             cudaStream_t stream) {
            return add_to_group(group.received, to, count, type, peer, comm, stream);
          },
      .ncclGroupStart =
          [] {
            group.is_open = true;
            return kNcclSuccess;
          },
      .ncclGroupEnd = end_group,
  };
  return functions;
}

}  // namespace osteon::cuda

void cuda_emulator::fail_sums(std::optional<int> after) {
  osteon::cuda::sums_until_failure = after;
}
