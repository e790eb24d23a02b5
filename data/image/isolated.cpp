// The POSIX side of isolation: fork, limits, signals, and the wait for the end.
#include "data/image/isolated.h"

#include <poll.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <system_error>

#include "base/error.h"

namespace osteon {
namespace {

std::size_t address_space() {
  std::ifstream file("/proc/self/statm");
  std::size_t pages = 0;
  file >> pages;
  return pages * static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
}

void limit(__rlimit_resource resource, std::size_t most) {
  // The process gets a signal at the first limit and is killed at the second.
  const rlimit both{most, resource == RLIMIT_CPU ? most + 1 : most};
  ::setrlimit(resource, &both);
}

// Runs in the copy: closes files and sets limits, so that the copy can do no harm. Uses only calls
// that are safe after fork.
void restrict_process(const IsolationLimits& limits, std::size_t most_bytes, pid_t parent) {
  // Inherited handlers would use the parent's files, and those of a sanitizer or a fuzzer would
  // report the crash.
  for (int number = 1; number < NSIG; ++number) ::signal(number, SIG_DFL);
  // Ctrl-C is also sent to the copy. The copy ignores it, so that the parent does not take the file
  // for damaged; the parent decides when to end.
  for (const int number : {SIGINT, SIGTERM, SIGHUP, SIGQUIT}) ::signal(number, SIG_IGN);
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (::getppid() != parent) ::_exit(1);
  ::prctl(PR_SET_DUMPABLE, 0);
  limit(RLIMIT_CORE, 0);
  limit(RLIMIT_FSIZE, 0);
  limit(RLIMIT_NOFILE, 0);
  limit(RLIMIT_CPU, limits.cpu_seconds);
  limit(RLIMIT_AS, most_bytes);
  if (::close_range(0, ~0U, 0) != 0)  // a kernel before 5.9
    for (const int output : {STDOUT_FILENO, STDERR_FILENO}) ::close(output);
}

// Whether the process ends in that time. Time is measured in short waits, so that it does not pass
// while both processes are stopped (Ctrl-Z).
bool ends_within(unsigned seconds, pid_t process, int& status) {
  constexpr int kSliceMilliseconds = 100;
  // A pidfd, which becomes readable when the process ends. On a kernel before 5.3 it is -1, and
  // poll only waits.
  pollfd end{static_cast<int>(::syscall(SYS_pidfd_open, process, 0)), POLLIN, 0};
  bool ended = false;
  for (unsigned slice = 0; !ended && slice < seconds * (1000 / kSliceMilliseconds); ++slice) {
    ::poll(&end, 1, kSliceMilliseconds);
    // If the program itself waits for all children (ECHILD), there is no status; then only the
    // shared memory shows whether the work succeeded.
    const pid_t reaped = ::waitpid(process, &status, WNOHANG);
    ended = reaped == process || (reaped < 0 && errno == ECHILD);
  }
  if (end.fd >= 0) ::close(end.fd);
  return ended;
}

std::string wait_for(pid_t process, const IsolationLimits& limits) {
  int status = 0;
  if (!ends_within(limits.seconds, process, status)) {
    ::kill(process, SIGKILL);
    ::waitpid(process, &status, 0);
    return format("more than ", limits.seconds, " s");
  }
  if (WIFEXITED(status)) return WEXITSTATUS(status) == 0 ? "" : "an exception";
  const int number = WTERMSIG(status);
  if (number == SIGXCPU) return format("more than ", limits.cpu_seconds, " s of computing");
  const char* description = ::sigdescr_np(number);
  return format("signal ", number, ", ", description == nullptr ? "unknown" : description);
}

}  // namespace

SharedMemory::SharedMemory(std::size_t size) : size_(size) {
  void* const start = ::mmap(nullptr, size, PROT_READ | PROT_WRITE,
                             MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  OSTEON_CHECK(start != MAP_FAILED, "cannot map ", size,
               " bytes: ", std::generic_category().message(errno));
  data_ = static_cast<std::byte*>(start);
}

SharedMemory::~SharedMemory() { ::munmap(data_, size_); }

std::string run_isolated(const IsolationLimits& limits, const std::function<void()>& work) {
  const std::size_t most_bytes = address_space() + limits.bytes;
  const pid_t parent = ::getpid();
  // No signal handler may run in the copy before it is reset.
  sigset_t all, before;
  ::sigfillset(&all);
  ::pthread_sigmask(SIG_SETMASK, &all, &before);
  const pid_t process = ::fork();
  const int error = errno;
  if (process == 0) {
    restrict_process(limits, most_bytes, parent);
    ::sigemptyset(&all);
    ::pthread_sigmask(SIG_SETMASK, &all, nullptr);
    int status = 1;
    try {
      work();
      status = 0;
    } catch (...) {  // the missing result reports the failure
    }
    ::_exit(status);
  }
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
  OSTEON_CHECK(process > 0, "cannot start a process: ", std::generic_category().message(error));
  return wait_for(process, limits);
}

}  // namespace osteon
