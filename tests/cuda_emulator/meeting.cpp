// One box per ordered pair of processes, which the sender fills and the receiver empties.
#include "tests/cuda_emulator/meeting.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstring>
#include <sstream>
#include <thread>

#include "tests/cuda_emulator/emulator.h"

namespace cuda_emulator {
namespace {

constexpr std::size_t kBoxBytes = std::size_t{1} << 18;
constexpr std::chrono::seconds kPatience{60};

template <class... Parts>
std::string text_of(const Parts&... parts) {
  std::ostringstream text;
  (text << ... << parts);
  return text.str();
}

// Waits for other processes, for a limited time.
class Patience {
 public:
  bool wait() {
    std::this_thread::sleep_for(std::chrono::microseconds(50));
    return std::chrono::steady_clock::now() - begin_ < kPatience;
  }

 private:
  const std::chrono::steady_clock::time_point begin_ = std::chrono::steady_clock::now();
};

}  // namespace

struct Meeting::Box {
  std::atomic<int> is_full;
  char call[128];
  std::size_t bytes;
  std::byte data[kBoxBytes];
};
struct Meeting::Shared {
  std::atomic<int> present;
  alignas(64) Box boxes[1];  // size * size
};

std::string Meeting::new_name() {
  static int count = 0;
  const auto now = std::chrono::system_clock::now().time_since_epoch().count();
  return text_of("/osteon-emulated-", ::getpid(), "-", now, "-", count++);
}

Meeting::Meeting(const std::string& name, int rank, int size) : rank_(rank), size_(size) {
  bytes_ = sizeof(Shared) + static_cast<std::size_t>(size * size) * sizeof(Box);
  const int file = ::shm_open(name.c_str(), O_CREAT | O_RDWR, 0600);
  if (file < 0 || ::ftruncate(file, static_cast<off_t>(bytes_)) != 0)
    throw Fault("cannot make the memory of an emulated communicator");
  void* const memory = ::mmap(nullptr, bytes_, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
  ::close(file);
  if (memory == MAP_FAILED) throw Fault("cannot map the memory of an emulated communicator");
  shared_ = static_cast<Shared*>(memory);  // new memory is full of zeros
  ++shared_->present;
  for (Patience patience; shared_->present < size;)
    if (!patience.wait()) throw Fault("the others did not come to ncclCommInitRank");
  if (rank == 0) ::shm_unlink(name.c_str());
}

Meeting::~Meeting() { ::munmap(shared_, bytes_); }

Meeting::Box& Meeting::box(int from, int to) const { return shared_->boxes[from * size_ + to]; }

void Meeting::exchange(const std::vector<Message>& sent, const std::vector<Message>& received) {
  std::vector<std::size_t> put(sent.size()), taken(received.size());
  std::vector<bool> is_put(sent.size()), is_taken(received.size());
  const auto put_part = [&](std::size_t i) {
    Box& to = box(rank_, sent[i].peer);
    if (is_put[i] || to.is_full.load(std::memory_order_acquire) != 0) return false;
    to.bytes = std::min(sent[i].bytes - put[i], kBoxBytes);
    std::memcpy(to.data, sent[i].data + put[i], to.bytes);
    std::strncpy(to.call, sent[i].call.c_str(), sizeof to.call - 1);
    put[i] += to.bytes;
    is_put[i] = put[i] == sent[i].bytes;
    to.is_full.store(1, std::memory_order_release);
    return true;
  };
  const auto take_part = [&](std::size_t i) {
    Box& from = box(received[i].peer, rank_);
    if (is_taken[i] || from.is_full.load(std::memory_order_acquire) != 1) return false;
    if (received[i].call != from.call || from.bytes > received[i].bytes - taken[i])
      throw Fault(text_of("NCCL: rank ", rank_, " is in ", received[i].call, ", but rank ",
                          received[i].peer, " is in ", from.call));
    std::memcpy(received[i].data + taken[i], from.data, from.bytes);
    taken[i] += from.bytes;
    is_taken[i] = taken[i] == received[i].bytes;
    from.is_full.store(0, std::memory_order_release);
    return true;
  };
  Patience patience;
  while (std::ranges::count(is_put, false) + std::ranges::count(is_taken, false) > 0) {
    bool any = false;
    for (std::size_t i = 0; i < sent.size(); ++i) any |= put_part(i);
    for (std::size_t i = 0; i < received.size(); ++i) any |= take_part(i);
    if (any) continue;
    if (!patience.wait())
      throw Fault(text_of("NCCL: rank ", rank_, " waits in ", sent[0].call, " for the others"));
  }
}

}  // namespace cuda_emulator
