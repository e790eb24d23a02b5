// The operations of a group, each as calls of the transport.
#include "comm/launched_group.h"

#include <algorithm>
#include <bit>
#include <chrono>
#include <thread>

#include "base/error.h"
#include "comm/communicator.h"
#include "comm/device_sums.h"
#include "comm/tree_sum.h"

namespace osteon {
namespace {

constexpr std::int64_t kMaxGathered = std::int64_t{1} << 30;  // bytes, so that counts are int

OsteonNumber number_of(const Tensor& x) {
  switch (x.dtype()) {
    case DType::f32:
      return osteon_f32;
    case DType::f64:
      return osteon_f64;
    case DType::i64:
      return osteon_i64;
    default:
      throw Error(format("all_reduce: a tensor in ", x.dtype(), "; expected f32, f64 or i64"));
  }
}

class LaunchedGroup : public ProcessGroup {
 public:
  LaunchedGroup(const OsteonTransport& transport, std::unique_ptr<Communicator> communicator)
      : ProcessGroup(place_of(*communicator)),
        transport_(transport),
        communicator_(std::move(communicator)) {}
  // The driver may be gone by now, and all processes end.
  ~LaunchedGroup() override { static_cast<void>(device_sums_.release()); }

  void broadcast(const Tensor& x) override {
    check_is_on_cpu("broadcast", x);
    x.bump_version();
    wait(communicator_->start([this, x] {
      communicator_->finish("broadcast", [&](OsteonRequest** request) {
        return transport_.start_broadcast(x.raw(), static_cast<std::int64_t>(x.bytes()), 0,
                                          request);
      });
    }));
  }

  std::shared_future<void> start_all_reduce(const Tensor& x, SumOrder order) override {
    if (x.device().is_cuda() && size() == 1)  // without NCCL
      return std::async(std::launch::deferred, [] {}).share();
    if (x.device().is_cuda()) return device_sums(x.device()).start(x, order);
    const OsteonNumber number = number_of(x);
    x.bump_version();
    if (!std::has_single_bit(static_cast<unsigned>(size())))
      return communicator_->start([this, x, number] { add_in_pieces(x, number); });
    return communicator_->start([this, x] {
      if (x.dtype() == DType::f32)
        add_as_tree<float>(x);
      else if (x.dtype() == DType::f64)
        add_as_tree<double>(x);
      else
        add_as_tree<std::int64_t>(x);
    });
  }

  void check_device() override {
    if (device_sums_) device_sums_->check();
  }

  std::vector<std::string> all_gather(const std::string& text) override {
    std::vector<std::string> texts(static_cast<std::size_t>(size()));
    wait(communicator_->start([&] { gather(text, texts); }));
    return texts;
  }

  void mark(const char* what, std::int64_t number) override {
    communicator_->progress().mark(what, number);
  }
  void set_hang_timeout(std::chrono::duration<double> limit) override {
    communicator_->set_limit(limit.count());
  }
  // If all processes have the same fault, the first one reports it.
  [[noreturn]] void abort(const std::string& why, int status) override {
    set_waiting(true);  // for the first one
    if (!is_first()) std::this_thread::sleep_for(std::chrono::seconds(2));
    communicator_->abort(why, status);
  }

 private:
  static Place place_of(const Communicator& communicator) {
    const std::vector<std::string>& hosts = communicator.hosts();
    const int rank = communicator.rank();
    const std::string& host = hosts[static_cast<std::size_t>(rank)];
    return {.rank = rank,
            .size = communicator.size(),
            .local_rank = static_cast<int>(std::count(hosts.begin(), hosts.begin() + rank, host)),
            .local_size = static_cast<int>(std::ranges::count(hosts, host)),
            .cores = communicator.cores(),
            .host = host};
  }

  static void check_is_on_cpu(const char* what, const Tensor& x) {
    OSTEON_CHECK(x.device() == Device::cpu(), what, ": a tensor on ", x.device(),
                 "; copy it to the CPU first");
  }

  DeviceSums& device_sums(const Device& device) {
    if (!device_sums_) {
      device_sums_ = DeviceSums::open(device, *this);
      device_ = device;
    }
    OSTEON_CHECK(device == device_, "all_reduce: a tensor on ", device, " after one on ", device_,
                 "; a process adds up on one device only");
    return *device_sums_;
  }

  // MPI libraries are much faster with pieces that fit the caches, and their counts are int. The
  // next piece is under way while the last one ends.
  void add_in_pieces(const Tensor& x, OsteonNumber number) {
    constexpr std::int64_t kPieceBytes = std::int64_t{1} << 22;
    const auto element = static_cast<std::int64_t>(size_of(x.dtype()));
    const std::int64_t piece = kPieceBytes / element;
    OsteonRequest* last = nullptr;
    for (std::int64_t begin = 0; begin < x.numel(); begin += piece) {
      const auto count = static_cast<std::int32_t>(std::min(piece, x.numel() - begin));
      OsteonRequest* now = communicator_->begin("all_reduce", [&](OsteonRequest** request) {
        return transport_.start_sum(x.raw() + begin * element, count, number, request);
      });
      if (last != nullptr) communicator_->complete("all_reduce", last);
      last = now;
    }
    if (last != nullptr) communicator_->complete("all_reduce", last);
  }

  // Of a TreeSum.
  template <class T>
  struct Channel {
    LaunchedGroup& group;
    OsteonRequest* start(int peer, const T* send, std::int64_t send_count, T* receive,
                         std::int64_t receive_count) {
      constexpr std::int64_t kBytes = sizeof(T);
      return group.communicator_->begin("all_reduce", [&](OsteonRequest** request) {
        return group.transport_.start_exchange(peer, send, send_count * kBytes, receive,
                                               receive_count * kBytes, request);
      });
    }
    void finish(OsteonRequest* request) { group.communicator_->complete("all_reduce", request); }
  };

  template <class T>
  void add_as_tree(const Tensor& x) {
    Channel<T> channel{*this};
    TreeSum<T, Channel<T>>(x.data<T>(), x.numel(), rank(), size(), channel).compute();
  }

  // The lengths first; then equal ones in one call, others each from its process.
  void gather(const std::string& text, std::vector<std::string>& texts) {
    const auto mine = static_cast<std::int64_t>(text.size());
    std::vector<std::int64_t> lengths(texts.size());
    communicator_->finish("all_gather", [&](OsteonRequest** request) {
      return transport_.start_all_gather(&mine, lengths.data(), sizeof mine, request);
    });
    if (std::ranges::count(lengths, mine) == size() && mine * size() <= kMaxGathered) {
      std::string all(static_cast<std::size_t>(mine * size()), '\0');
      communicator_->finish("all_gather", [&](OsteonRequest** request) {
        return transport_.start_all_gather(text.data(), all.data(), static_cast<std::int32_t>(mine),
                                           request);
      });
      for (std::size_t i = 0; i < texts.size(); ++i)
        texts[i] = all.substr(i * text.size(), text.size());
      return;
    }
    for (std::size_t i = 0; i < texts.size(); ++i) {
      const int root = static_cast<int>(i);
      texts[i] = root == rank() ? text : std::string(static_cast<std::size_t>(lengths[i]), '\0');
      if (lengths[i] == 0) continue;
      communicator_->finish("all_gather", [&](OsteonRequest** request) {
        return transport_.start_broadcast(texts[i].data(), lengths[i], root, request);
      });
    }
  }

  void set_waiting(bool is_waiting) override { communicator_->progress().set_waiting(is_waiting); }

  const OsteonTransport& transport_;
  const std::unique_ptr<Communicator> communicator_;
  std::unique_ptr<DeviceSums> device_sums_;  // null until the first sum on a device
  Device device_;                            // of device_sums_
};

}  // namespace

std::unique_ptr<ProcessGroup> open_launched_group(const OsteonTransport& transport, int processes) {
  return std::make_unique<LaunchedGroup>(transport,
                                         std::make_unique<Communicator>(transport, processes));
}

}  // namespace osteon
