// Turns the functions of a group into operations of its thread.
#include "comm/transport_group.h"

#include <algorithm>
#include <cstdio>

#include "base/error.h"
#include "comm/communication_thread.h"

namespace osteon {
namespace {

class TransportGroup : public ProcessGroup {
 public:
  explicit TransportGroup(std::unique_ptr<CommunicationThread> thread)
      : ProcessGroup({.rank = thread->place().rank,
                      .size = thread->place().size,
                      .local_rank = thread->place().local_rank,
                      .local_size = thread->place().local_size,
                      .host = thread->place().host}),
        thread_(std::move(thread)) {}

  void broadcast(const Tensor& x) override {
    wait(thread_->start([x](const TransportCalls& calls) {
      calls.broadcast(x.raw(), static_cast<std::int64_t>(x.bytes()));
    }));
    x.bump_version();
  }

  std::shared_future<void> start_all_reduce(const Tensor& x) override {
    OSTEON_CHECK(!x.device().is_cuda(), "all_reduce: a tensor on ", x.device(),
                 "; only CPU tensors can be summed over processes");
    x.bump_version();
    return thread_->start([this, x](const TransportCalls& calls) {
      const bool is_power = (size() & (size() - 1)) == 0;
      is_power ? calls.tree_sum(x, rank(), size()) : calls.sum(x);
    });
  }

  std::vector<std::string> all_gather(const std::string& text) override {
    std::vector<std::int64_t> lengths(static_cast<std::size_t>(size()));
    const auto length = static_cast<std::int64_t>(text.size());
    wait(thread_->start([&](const TransportCalls& calls) {
      calls.gather(&length, sizeof length, lengths.data());
    }));
    // Equal lengths travel in one call of any transport.
    const std::int64_t longest = *std::ranges::max_element(lengths);
    std::string mine = text, all(static_cast<std::size_t>(longest * size()), '\0');
    mine.resize(static_cast<std::size_t>(longest));
    if (longest > 0)
      wait(thread_->start(
          [&](const TransportCalls& calls) { calls.gather(mine.data(), longest, all.data()); }));
    std::vector<std::string> texts;
    for (std::size_t rank = 0; rank < lengths.size(); ++rank)
      texts.push_back(all.substr(rank * static_cast<std::size_t>(longest),
                                 static_cast<std::size_t>(lengths[rank])));
    return texts;
  }

  void mark(const char* what, std::int64_t number) override { thread_->mark(what, number); }

  void set_hang_timeout(std::chrono::duration<double> limit) override {
    thread_->set_hang_timeout(limit);
  }

  // If all processes have the same fault, only the first reports it.
  [[noreturn]] void abort(const std::string& why, int status) override {
    if (!is_first()) std::this_thread::sleep_for(std::chrono::seconds(1));
    std::fprintf(stderr, "%s, %s: %s\n", name().c_str(), thread_->last_mark().c_str(), why.c_str());
    std::fflush(stderr);
    thread_->abort(status);
  }

 private:
  void set_waiting(bool is_waiting) override { thread_->set_waiting(is_waiting); }

  const std::unique_ptr<CommunicationThread> thread_;
};

}  // namespace

std::unique_ptr<ProcessGroup> open_group(const OsteonTransport& transport) {
  return std::make_unique<TransportGroup>(std::make_unique<CommunicationThread>(transport));
}

}  // namespace osteon
