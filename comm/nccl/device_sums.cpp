// Sums by NCCL, on a stream of their own beside the computation.
#include "comm/device_sums.h"

#include <bit>
#include <cstring>
#include <utility>

#include "comm/nccl/nccl.h"
#include "tensor/cuda/add_on_stream.h"
#include "tensor/cuda/context.h"
#include "tensor/cuda/rehearsal.h"

namespace osteon {
namespace {

using cuda::Context;
using cuda::context;

// [begin, end) of a tensor's elements.
struct Range {
  std::int64_t begin, end;
  std::int64_t count() const { return end - begin; }
};

cuda::Stream make_stream(const Device& device) {
  context(device);
  cudaStream_t stream = nullptr;
  OSTEON_CUDA_CHECK("all_reduce", cudaStreamCreateWithFlags, &stream, cudaStreamNonBlocking);
  return cuda::Stream(stream);
}

// All calls of a communicator are on one stream: their order must be the same in all processes, and
// two kernels of it must not run at the same time.
class NcclSums : public DeviceSums {
 public:
  NcclSums(const Device& device, ProcessGroup& group)
      : device_(device),
        name_(group.name()),
        rank_(group.rank()),
        size_(group.size()),
        nccl_(cuda::nccl()),
        stream_(make_stream(device)) {
    check_devices(group);
    cuda::NcclId id{};
    if (rank_ == 0) check("ncclGetUniqueId", nccl_.ncclGetUniqueId(&id));
    const std::string first = group.all_gather({id.bytes, sizeof id.bytes})[0];
    std::memcpy(id.bytes, first.data(), sizeof id.bytes);
    context(device_);
    check("ncclCommInitRank", nccl_.ncclCommInitRank(&comm_, size_, id, rank_));
  }
  ~NcclSums() override {
    if (comm_ != nullptr) static_cast<void>(nccl_.ncclCommDestroy(comm_));
  }
  NcclSums(const NcclSums&) = delete;
  NcclSums& operator=(const NcclSums&) = delete;

  std::shared_future<void> start(const Tensor& x, SumOrder order) override {
    const cuda::NcclType type = type_of(x);
    const bool is_tree =
        order == SumOrder::tree && std::has_single_bit(static_cast<unsigned>(size_));
    // What arrives from others, until it is added.
    const Tensor arrived =
        is_tree && size_ > 1 ? Tensor({(x.numel() + 1) / 2}, x.dtype(), x.device()) : Tensor();
    x.bump_version();
    if (cuda::is_rehearsing()) return finish_with([] {});
    OSTEON_CHECK(comm_ != nullptr, "all_reduce: NCCL's communicator of ", name_,
                 " has failed before; start all processes again");
    const cudaStream_t compute = context(device_).stream();
    order_streams(compute, stream_.get());
    if (is_tree)
      add_as_tree(x, arrived, type);
    else
      check("ncclAllReduce",
            nccl_.ncclAllReduce(x.raw(), x.raw(), static_cast<std::size_t>(x.numel()), type,
                                cuda::kNcclSum, comm_, stream_.get()));
    return finish_with(
        [this, compute, done = mark(stream_.get()), kept = Tensor(arrived)]() mutable {
          context(device_);
          OSTEON_CUDA_CHECK("all_reduce", cudaStreamWaitEvent, compute, done.get(), 0U);
          kept = Tensor();  // only work of the computation that is issued later can use its memory
        });
  }

  // An abort lets the kernels end that wait for other processes, so that memory can be given back.
  void check() override {
    if (comm_ == nullptr) return;
    cuda::NcclResult error = cuda::kNcclSuccess;
    const cuda::NcclResult asked = nccl_.ncclCommGetAsyncError(comm_, &error);
    if (asked != cuda::kNcclSuccess) error = asked;
    if (error == cuda::kNcclSuccess || error == cuda::kNcclInProgress) return;
    static_cast<void>(nccl_.ncclCommAbort(std::exchange(comm_, nullptr)));
    check("a sum over processes", error);
  }

 private:
  // Runs `work` in the thread that waits.
  template <class Work>
  static std::shared_future<void> finish_with(Work work) {
    return std::async(std::launch::deferred, std::move(work)).share();
  }

  static cuda::NcclType type_of(const Tensor& x) {
    OSTEON_CHECK(x.dtype() == DType::f32 || x.dtype() == DType::f64, "all_reduce: a tensor in ",
                 x.dtype(), " on ", x.device(), "; expected f32 or f64");
    return x.dtype() == DType::f32 ? cuda::kNcclFloat32 : cuda::kNcclFloat64;
  }

  void check(const char* what, cuda::NcclResult result) const {
    OSTEON_CHECK(result == cuda::kNcclSuccess, "NCCL: ", what, " failed in ", name_, ": ",
                 nccl_.ncclGetErrorString(result),
                 "; with NCCL_DEBUG=WARN in the environment it prints more");
  }

  // NCCL would wait for ever, or end with an error that does not name the processes.
  void check_devices(ProcessGroup& group) const {
    char bus[32] = "";
    OSTEON_CUDA_CHECK("all_reduce", cudaDeviceGetPCIBusId, bus, sizeof bus, device_.index);
    const std::vector<std::string> names = group.all_gather(group.name());
    const std::vector<std::string> places = group.all_gather(group.host() + " " + bus);
    for (std::size_t i = 0; i < places.size(); ++i)
      for (std::size_t k = 0; k < i; ++k)
        OSTEON_CHECK(places[k] != places[i], names[k], " and ", names[i], " have the same GPU, ",
                     places[i],
                     "; each process needs one of its own: leave --device cuda:N out, or start as "
                     "many processes as there are GPUs");
  }

  static cuda::Event mark(cudaStream_t stream) {
    cuda::Event event = cuda::make_event("all_reduce", cudaEventDisableTiming);
    OSTEON_CUDA_CHECK("all_reduce", cudaEventRecord, event.get(), stream);
    return event;
  }

  // Work that is issued to `later` from now on waits for what was issued to `earlier`.
  static void order_streams(cudaStream_t earlier, cudaStream_t later) {
    const cuda::Event event = mark(earlier);
    OSTEON_CUDA_CHECK("all_reduce", cudaStreamWaitEvent, later, event.get(), 0U);
  }

  // Both processes send a part of x to each other.
  void exchange(int peer, cuda::NcclType type, const Tensor& sent, const Tensor& received) const {
    check("ncclGroupStart", nccl_.ncclGroupStart());
    if (sent.numel() > 0)
      check("ncclSend", nccl_.ncclSend(sent.raw(), static_cast<std::size_t>(sent.numel()), type,
                                       peer, comm_, stream_.get()));
    if (received.numel() > 0)
      check("ncclRecv", nccl_.ncclRecv(received.raw(), static_cast<std::size_t>(received.numel()),
                                       type, peer, comm_, stream_.get()));
    check("ncclGroupEnd", nccl_.ncclGroupEnd());
  }

  // TreeSum of comm/tree_sum.h: halves are exchanged with the neighbour at distance 1, 2, 4, ...
  // and added, then the sums are exchanged in the opposite order.
  void add_as_tree(const Tensor& x, const Tensor& arrived, cuda::NcclType type) const {
    const auto part = [&](const Range& range) { return x.rows(range.begin, range.end); };
    std::vector<std::pair<Range, Range>>
        divided;  // at each distance: this process's half, and the other
    Range mine{0, x.numel()};
    for (int distance = 1; distance < size_; distance *= 2) {
      const std::int64_t middle = mine.begin + (mine.count() + 1) / 2;
      Range kept{mine.begin, middle}, given{middle, mine.end};
      if ((rank_ & distance) != 0) std::swap(kept, given);
      const Tensor other = arrived.rows(0, kept.count());
      exchange(rank_ ^ distance, type, part(given), other);
      // Either operand may be the lower rank's: a + b is b + a.
      cuda::add_on_stream(stream_.get(), part(kept), other);
      divided.emplace_back(kept, given);
      mine = kept;
    }
    for (int distance = size_ / 2; distance > 0; distance /= 2, divided.pop_back())
      exchange(rank_ ^ distance, type, part(divided.back().first), part(divided.back().second));
  }

  const Device device_;
  const std::string name_;
  const int rank_, size_;
  const cuda::Nccl& nccl_;
  const cuda::Stream stream_;
  cuda::NcclComm* comm_ = nullptr;
};

}  // namespace

std::unique_ptr<DeviceSums> DeviceSums::open(const Device& device, ProcessGroup& group) {
  return std::make_unique<NcclSums>(device, group);
}

}  // namespace osteon
