// The tree's sum over processes that are threads.
#include "comm/tree_sum.h"

#include <doctest/doctest.h>

#include <condition_variable>
#include <map>
#include <mutex>
#include <thread>

namespace osteon {
namespace {

// What one process has sent to another and that one has not received yet.
class Mail {
 public:
  void put(int from, int to, std::vector<float> values) {
    const std::lock_guard lock(mutex_);
    boxes_[{from, to}].push_back(std::move(values));
    arrived_.notify_all();
  }
  std::vector<float> take(int from, int to) {
    std::unique_lock lock(mutex_);
    auto& box = boxes_[{from, to}];
    arrived_.wait(lock, [&] { return !box.empty(); });
    std::vector<float> values = std::move(box.front());
    box.erase(box.begin());
    return values;
  }

 private:
  std::mutex mutex_;
  std::condition_variable arrived_;
  std::map<std::pair<int, int>, std::vector<std::vector<float>>> boxes_;
};

struct Channel {
  Mail& mail;
  int rank;
  std::int64_t sent = 0;

  struct Request {
    int peer;
    float* receive;
    std::int64_t count;
  };
  Request start(int peer, const float* send, std::int64_t send_count, float* receive,
                std::int64_t receive_count) {
    if (send_count > 0) mail.put(rank, peer, {send, send + send_count});
    sent += send_count;
    return {peer, receive, receive_count};
  }
  void finish(const Request& request) {
    if (request.count == 0) return;
    const std::vector<float> values = mail.take(request.peer, rank);
    REQUIRE(static_cast<std::int64_t>(values.size()) == request.count);
    std::ranges::copy(values, request.receive);
  }
};

// Sums of eight of them depend on the order.
float element(int rank, std::int64_t i) {
  constexpr float kValues[] = {1e8F, 1, -1e8F, 1, 3, 1e-3F, 7e7F, -2};
  return kValues[(rank * 3 + i) % 8];
}

float tree_of(int begin, int end, std::int64_t i) {
  if (end - begin == 1) return element(begin, i);
  const int middle = (begin + end) / 2;
  return tree_of(begin, middle, i) + tree_of(middle, end, i);
}

TEST_CASE("each element is the sum of a balanced tree, in every process") {
  for (const int size : {1, 2, 4, 8})
    for (const std::int64_t n : {0, 1, 2, 3, 7, 8, 9, 100, 1001})
      for (const std::int64_t chunk : {1, 3, 50, 10'000}) {
        CAPTURE(size);
        CAPTURE(n);
        CAPTURE(chunk);
        Mail mail;
        std::vector<std::vector<float>> values(static_cast<std::size_t>(size));
        std::vector<std::int64_t> sent(values.size());
        std::vector<std::thread> processes;
        for (int rank = 0; rank < size; ++rank)
          processes.emplace_back([&, rank] {
            std::vector<float>& mine = values[static_cast<std::size_t>(rank)];
            for (std::int64_t i = 0; i < n; ++i) mine.push_back(element(rank, i));
            Channel channel{mail, rank};
            TreeSum<float, Channel>(mine.data(), n, rank, size, channel, chunk).compute();
            sent[static_cast<std::size_t>(rank)] = channel.sent;
          });
        for (std::thread& process : processes) process.join();
        std::vector<float> expected;
        for (std::int64_t i = 0; i < n; ++i) expected.push_back(tree_of(0, size, i));
        std::int64_t all_sent = 0;
        for (std::size_t rank = 0; rank < values.size(); ++rank) {
          CHECK(values[rank] == expected);
          all_sent += sent[rank];
        }
        CHECK(all_sent == 2 * (size - 1) * n);  // 2 (size - 1) / size n per process
      }
}

}  // namespace
}  // namespace osteon
