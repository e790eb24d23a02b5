// The messages of a sum over four processes, which are threads here: what each one holds after each
// exchange.
#include <condition_variable>
#include <cstdio>
#include <map>
#include <mutex>
#include <thread>

#include "comm/tree_sum.h"

using namespace osteon;

namespace {

// Messages between threads; notes what each process has in its memory when it sends.
struct Mail {
  std::mutex mutex;
  std::condition_variable changed;
  std::map<std::pair<int, int>, std::vector<float>> boxes;
};
struct Channel {
  Mail& mail;
  const int rank;
  const std::vector<float>& memory;
  std::vector<std::vector<float>> notes{};
  std::int64_t sent = 0;
  struct Request {
    int peer;
    float* receive;
    std::int64_t count;
  };
  Request start(int peer, const float* send, std::int64_t count, float* to, std::int64_t expected) {
    notes.push_back(memory);
    sent += count;
    std::unique_lock lock(mail.mutex);
    std::vector<float>& box = mail.boxes[{rank, peer}];
    mail.changed.wait(lock, [&] { return box.empty(); });
    box.assign(send, send + count);
    mail.changed.notify_all();
    return {peer, to, expected};
  }
  void finish(const Request& request) {
    std::unique_lock lock(mail.mutex);
    std::vector<float>& box = mail.boxes[{request.peer, rank}];
    mail.changed.wait(lock, [&] { return !box.empty(); });
    std::ranges::copy(box, request.receive);
    box.clear();
    mail.changed.notify_all();
  }
};

}  // namespace

// Every process has ones: an element is then the number of summands that it contains.
int main() {
  constexpr int kSize = 4;
  Mail mail;
  std::vector<std::vector<float>> memory(kSize, std::vector<float>(kSize, 1));
  std::vector<Channel> channels;
  for (int rank = 0; rank < kSize; ++rank)
    channels.push_back({mail, rank, memory[static_cast<std::size_t>(rank)]});
  std::vector<std::thread> processes;
  for (int rank = 0; rank < kSize; ++rank)
    processes.emplace_back([&, rank] {
      const auto r = static_cast<std::size_t>(rank);
      TreeSum<float, Channel>(memory[r].data(), kSize, rank, kSize, channels[r]).compute();
      channels[r].notes.push_back(memory[r]);
    });
  for (std::thread& process : processes) process.join();
  for (std::size_t round = 0; round < channels[0].notes.size(); ++round) {
    std::printf("after round %d:", static_cast<int>(round));
    for (const Channel& channel : channels) {
      for (const float summands : channel.notes[round]) std::printf(" %.0f", summands);
      std::printf(channel.rank + 1 < kSize ? "  |" : "\n");
    }
  }
  std::printf("each sent %d elements for a sum of %d\n", static_cast<int>(channels[0].sent), kSize);
}
