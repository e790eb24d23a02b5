// Messages between the processes of an emulated communicator, through memory that they share.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <vector>

namespace cuda_emulator {

// A message to or from another process. `call` describes what its process does; it must be the same
// for both.
struct Message {
  int peer;
  std::byte* data;
  std::size_t bytes;
  std::string call;
};

class Meeting {
 public:
  // A name for the memory of a new communicator, of at most 100 characters.
  static std::string new_name();
  // Waits until all processes have come.
  Meeting(const std::string& name, int rank, int size);
  ~Meeting();
  Meeting(const Meeting&) = delete;
  Meeting& operator=(const Meeting&) = delete;

  // Sends and receives at the same time. Throws Fault that names both processes if another one
  // makes another call, and if it makes none for a minute.
  void exchange(const std::vector<Message>& sent, const std::vector<Message>& received);
  int rank() const { return rank_; }
  int size() const { return size_; }

 private:
  struct Box;
  struct Shared;
  Box& box(int from, int to) const;

  const int rank_, size_;
  std::size_t bytes_ = 0;
  Shared* shared_ = nullptr;
};

}  // namespace cuda_emulator
