// The threads of a block are coroutines with separate stacks; they switch to the scheduler at
// barriers and shuffles. A thread that never waits passes its stack to the next thread, so a kernel
// without barriers never switches. Stacks are kept for the next kernel.
#include "tests/cuda_emulator/emulator.h"

#include <signal.h>
#include <sys/mman.h>
#include <ucontext.h>

#include <algorithm>
#include <bit>
#include <csetjmp>
#include <cstring>
#include <memory>
#include <sstream>
#include <utility>
#include <vector>

#include "tests/cuda_emulator/memory.h"

#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/common_interface_defs.h>
#endif

namespace cuda_emulator {

Current current;

namespace {

constexpr std::size_t kStackBytes = 256 * 1024;
constexpr std::size_t kWarp = 32;

template <class... Parts>
[[noreturn]] void fail(const Parts&... parts) {
  std::ostringstream text;
  text << "CUDA emulator: ";
  (text << ... << parts);
  throw Fault(text.str());
}

// A stack, with the data that the address sanitizer needs at a switch.
struct Stack {
  const void* bottom = nullptr;
  std::size_t bytes = 0;
  void* kept = nullptr;  // the sanitizer's data of an inactive stack
};
#if defined(__SANITIZE_ADDRESS__)
void leaving(Stack& from, const Stack& to) {
  __sanitizer_start_switch_fiber(&from.kept, to.bottom, to.bytes);
}
void arrived(Stack& at) { __sanitizer_finish_switch_fiber(at.kept, nullptr, nullptr); }
void arrived_first(Stack& from) {
  __sanitizer_finish_switch_fiber(nullptr, &from.bottom, &from.bytes);
}
#else
void leaving(Stack&, const Stack&) {}
void arrived(Stack&) {}
void arrived_first(Stack&) {}
#endif

// The stack of the host code that launches kernels.
Stack scheduler_stack;

class Block;

// A stack and the saved position on it.
struct Fiber {
  Fiber()
      : stack(static_cast<std::byte*>(::mmap(nullptr, kStackBytes, PROT_READ | PROT_WRITE,
                                             MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0))) {
    if (stack == MAP_FAILED) fail("no memory for the stacks of a block");
    known = {stack, kStackBytes};
  }
  ~Fiber() { ::munmap(stack, kStackBytes); }
  Fiber(const Fiber&) = delete;
  Fiber& operator=(const Fiber&) = delete;

  std::byte* stack;
  Stack known;
  ucontext_t start;
  jmp_buf place;
  bool started = false;
};

enum class State { unstarted, ready, at_barrier, in_shuffle, done };

struct Thread {
  State state = State::unstarted;
  Fiber* fiber = nullptr;
  uint3 index{};
  const char* file = nullptr;  // of the barrier
  int line = 0;
  unsigned int mask = 0;  // of the shuffle
  unsigned int shuffles = 0;
  // Its values in the last two shuffles: one thread may be a shuffle ahead of another.
  alignas(kExchangeBytes) std::byte offered[2][kExchangeBytes] = {};
};

Block* running = nullptr;

// The stacks of earlier kernels. Those of a kernel that failed hold threads that never end; they
// are freed.
std::vector<std::unique_ptr<Fiber>> kept_fibers;

class Block {
 public:
  Block(dim3 extent, const std::function<void()>& thread)
      : thread_(thread),
        threads_(std::size_t{extent.x} * extent.y * extent.z),
        fibers_(std::exchange(kept_fibers, {})) {
    std::size_t i = 0;
    for (unsigned int z = 0; z < extent.z; ++z)
      for (unsigned int y = 0; y < extent.y; ++y)
        for (unsigned int x = 0; x < extent.x; ++x) threads_[i++].index = {x, y, z};
  }

  void run() {
    for (Thread& thread : threads_) thread = Thread{.index = thread.index};
    next_ = done_ = 0;
    idle_.clear();
    for (const auto& fiber : fibers_) idle_.push_back(fiber.get());
    while (next_ < threads_.size()) {
      if (idle_.empty()) idle_.push_back(fibers_.emplace_back(std::make_unique<Fiber>()).get());
      Fiber* const fiber = idle_.back();
      idle_.pop_back();
      enter(*fiber);
    }
    while (done_ < threads_.size()) {
      if (!release_shuffles()) release_barrier();
      for (std::size_t i = 0; i < threads_.size(); ++i)
        if (threads_[i].state == State::ready) {
          select(i);
          enter(*threads_[i].fiber);
        }
    }
  }

  // Runs on a fiber: starts the remaining threads one after another. Returns when the fiber is
  // entered again, perhaps by a later block.
  void run_threads(Fiber& fiber) {
    while (next_ < threads_.size()) {
      select(next_++);
      threads_[selected_].fiber = &fiber;
      thread_();
      threads_[selected_].state = State::done;
      ++done_;
    }
    idle_.push_back(&fiber);
    leave(fiber);
  }

  void keep_fibers() { kept_fibers = std::move(fibers_); }

  void wait_at_barrier(const char* file, int line) {
    Thread& thread = threads_[selected_];
    thread.file = file;
    thread.line = line;
    wait(thread, State::at_barrier);
  }

  const void* wait_in_shuffle(unsigned int mask, const void* value, std::size_t bytes, int lanes) {
    Thread& thread = threads_[selected_];
    const std::size_t other = selected_ ^ static_cast<std::size_t>(lanes);
    const unsigned int turn = thread.shuffles++ % 2;
    std::memcpy(thread.offered[turn], value, bytes);
    thread.mask = mask;
    wait(thread, State::in_shuffle);
    return threads_[other].offered[turn];
  }

 private:
  void select(std::size_t i) {
    selected_ = i;
    current.thread = threads_[i].index;
  }

  void wait(Thread& thread, State state) {
    thread.state = state;
    leave(*thread.fiber);
  }

  // Switches from the scheduler to a fiber and back. _setjmp and _longjmp do not save signal masks,
  // which would need a system call each.
  void enter(Fiber& fiber);
  void leave(Fiber& fiber) {
    leaving(fiber.known, scheduler_stack);
    if (_setjmp(fiber.place) == 0) _longjmp(scheduler_, 1);
    arrived(fiber.known);
  }

  // Resumes the threads that wait in a shuffle; false if there are none.
  bool release_shuffles() {
    bool any = false;
    for (std::size_t first = 0; first < threads_.size(); first += kWarp) {
      const std::size_t end = std::min(first + kWarp, threads_.size());
      unsigned int waiting = 0;  // a bit for each lane
      for (std::size_t i = first; i < end; ++i)
        if (threads_[i].state == State::in_shuffle) waiting |= 1U << (i - first);
      for (std::size_t i = first; i < end && waiting != 0; ++i)
        if ((waiting >> (i - first) & 1) != 0 && (threads_[i].mask & ~waiting) != 0)
          fail("thread ", i, " of block ", block_text(), " shuffles with thread ",
               first + static_cast<std::size_t>(std::countr_zero(threads_[i].mask & ~waiting)),
               ", which does not take part");
      any = any || waiting != 0;
    }
    if (any)
      for (Thread& thread : threads_)
        if (thread.state == State::in_shuffle) thread.state = State::ready;
    return any;
  }

  void release_barrier() {
    std::size_t waiting = 0;
    const Thread* first = nullptr;
    for (const Thread& thread : threads_) {
      if (thread.state != State::at_barrier) continue;
      ++waiting;
      if (first == nullptr) first = &thread;
      if (thread.line != first->line || std::strcmp(thread.file, first->file) != 0)
        fail("threads of block ", block_text(), " wait at different barriers, ", first->file, ":",
             first->line, " and ", thread.file, ":", thread.line);
    }
    if (waiting < threads_.size())
      fail("the barrier at ", first->file, ":", first->line, " is reached by ", waiting, " of ",
           threads_.size(), " threads of block ", block_text());
    for (Thread& thread : threads_) thread.state = State::ready;
  }

  static std::string block_text() {
    std::ostringstream text;
    text << "(" << current.block.x << "," << current.block.y << "," << current.block.z << ")";
    return text.str();
  }

  const std::function<void()>& thread_;
  std::vector<Thread> threads_;
  std::vector<std::unique_ptr<Fiber>> fibers_;
  std::vector<Fiber*> idle_;
  std::size_t next_ = 0, done_ = 0, selected_ = 0;
  jmp_buf scheduler_;
};

Fiber* starting = nullptr;

void fiber_main() {
  arrived_first(scheduler_stack);
  for (Fiber& fiber = *starting;;) running->run_threads(fiber);
}

void Block::enter(Fiber& fiber) {
  leaving(scheduler_stack, fiber.known);
  if (_setjmp(scheduler_) != 0) return arrived(scheduler_stack);
  if (fiber.started) _longjmp(fiber.place, 1);
  fiber.started = true;
  starting = &fiber;
  ::getcontext(&fiber.start);
  fiber.start.uc_stack.ss_sp = fiber.stack;
  fiber.start.uc_stack.ss_size = kStackBytes;
  fiber.start.uc_link = nullptr;
  ::makecontext(&fiber.start, fiber_main, 0);
  ::setcontext(&fiber.start);
}

// --- forbidden accesses --------------------------------------------------------------------------

sigjmp_buf recovery;
void* volatile fault_address = nullptr;

extern "C" void on_fault(int signal, siginfo_t* info, void*) {
  fault_address = info->si_addr;
  siglongjmp(recovery, signal);
}

// During its lifetime, signals of bad accesses return to `recovery`.
class FaultHandlers {
 public:
  FaultHandlers() {
    static std::byte alternate[64 * 1024];
    stack_t stack{};
    stack.ss_sp = alternate;
    stack.ss_size = sizeof alternate;
    ::sigaltstack(&stack, &stack_before_);
    struct sigaction action {};
    action.sa_sigaction = on_fault;
    action.sa_flags = SA_SIGINFO | SA_ONSTACK;
    for (std::size_t i = 0; i < std::size(kSignals); ++i)
      ::sigaction(kSignals[i], &action, &before_[i]);
  }
  ~FaultHandlers() {
    for (std::size_t i = 0; i < std::size(kSignals); ++i)
      ::sigaction(kSignals[i], &before_[i], nullptr);
    ::sigaltstack(&stack_before_, nullptr);
  }
  FaultHandlers(const FaultHandlers&) = delete;
  FaultHandlers& operator=(const FaultHandlers&) = delete;

 private:
  static constexpr int kSignals[] = {SIGSEGV, SIGBUS, SIGILL, SIGFPE};
  struct sigaction before_[std::size(kSignals)];
  stack_t stack_before_{};
};

std::string text_of(const uint3& index) {
  std::ostringstream text;
  text << "(" << index.x << "," << index.y << "," << index.z << ")";
  return text.str();
}

}  // namespace

void wait_for_block(const char* file, int line) { running->wait_at_barrier(file, line); }

const void* exchange_in_warp(unsigned int mask, const void* value, std::size_t bytes, int lanes) {
  return running->wait_in_shuffle(mask, value, bytes, lanes);
}

void run_blocks(int device, dim3 grid, dim3 block, const std::function<void()>& thread) {
  const Access access(device);
  Block threads(block, thread);
  running = &threads;
  current.grid_extent = grid;
  current.block_extent = block;
  {
    const FaultHandlers handlers;
    const int signal = sigsetjmp(recovery, 1);
    if (signal != 0) {  // from a stack that is never resumed
      Stack lost;
      leaving(lost, scheduler_stack);
      arrived(scheduler_stack);
    }
    if (signal == SIGILL || signal == SIGFPE)
      fail("thread ", text_of(current.thread), " of block ", text_of(current.block),
           " has undefined behaviour: a misaligned access, an index out of bounds, an overflow");
    if (signal != 0)
      fail("thread ", text_of(current.thread), " of block ", text_of(current.block), " touches ",
           describe_address(fault_address));
    for (current.block.z = 0; current.block.z < grid.z; ++current.block.z)
      for (current.block.y = 0; current.block.y < grid.y; ++current.block.y)
        for (current.block.x = 0; current.block.x < grid.x; ++current.block.x) threads.run();
  }
  threads.keep_fibers();
  access.check_margins();
}

}  // namespace cuda_emulator
