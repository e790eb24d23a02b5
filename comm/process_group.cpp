// The group of one process, and the choice of the group.
#include "comm/process_group.h"

#include <sched.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>

#include "base/error.h"
#include "comm/launched_group.h"
#include "comm/launcher.h"

namespace osteon {
namespace {

class OneProcess : public ProcessGroup {
 public:
  OneProcess() : ProcessGroup(this_place()) {}
  void broadcast(const Tensor&) override {}
  std::shared_future<void> start_all_reduce(const Tensor&, SumOrder) override {
    std::promise<void> done;
    done.set_value();
    return done.get_future().share();
  }
  std::vector<std::string> all_gather(const std::string& text) override { return {text}; }
  void mark(const char*, std::int64_t) override {}
  void set_hang_timeout(std::chrono::duration<double>) override {}
  [[noreturn]] void abort(const std::string& why, int status) override {
    std::fprintf(stderr, "%s\n", why.c_str());
    std::exit(status);
  }

 private:
  static Place this_place() {
    char host[128] = "";
    ::gethostname(host, sizeof host - 1);
    cpu_set_t cpus;
    CPU_ZERO(&cpus);
    ::sched_getaffinity(0, sizeof cpus, &cpus);
    return {.cores = std::max(1, CPU_COUNT(&cpus)), .host = host};
  }
};

std::unique_ptr<ProcessGroup> open_world() {
  const Launcher launcher = find_launcher();
  const OsteonTransport* transport = open_transport(launcher);
  if (transport == nullptr) return std::make_unique<OneProcess>();
  use_all_cores(launcher);  // before the group's thread exists
  return open_launched_group(*transport, launcher.processes);
}

}  // namespace

std::string ProcessGroup::name() const { return format("rank ", rank(), " on ", place_.host); }

std::string ProcessGroup::from_first_of_host(const std::string& text) {
  const std::vector<std::string> hosts = all_gather(host()), texts = all_gather(text);
  const auto first = std::ranges::find(hosts, host()) - hosts.begin();
  return texts[static_cast<std::size_t>(first)];
}

void ProcessGroup::wait(const std::shared_future<void>& operation) {
  set_waiting(true);
  operation.wait();
  set_waiting(false);
  operation.get();
}

ProcessGroup& world() {
  static const std::unique_ptr<ProcessGroup> group = open_world();
  return *group;
}

}  // namespace osteon
