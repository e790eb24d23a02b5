// The group of one process, and the choice of the group.
#include "comm/process_group.h"

#include <dlfcn.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <optional>

#include "base/error.h"
#include "base/text.h"
#include "comm/launcher.h"
#include "comm/transport_group.h"

namespace osteon {
namespace {

class OneProcess : public ProcessGroup {
 public:
  OneProcess() : ProcessGroup({}) {}
  void broadcast(const Tensor&) override {}
  std::shared_future<void> start_all_reduce(const Tensor&) override {
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
};

// How to get a module, for the errors below.
std::string way_out(const Launch& launch) {
  return format("; install ", launch.modules[0] == "openmpi" ? "libopenmpi-dev" : "libmpich-dev",
                " and build again, or start one process without ", launch.launcher);
}

// The module is never closed: the library has threads and handlers of its own.
const OsteonTransport& open_module(const Launch& launch) {
  for (const std::string& name : launch.modules) {
    const auto file = find_module(name);
    if (file.empty()) continue;
    // Open MPI's own plug-ins look for its symbols globally.
    void* const module = ::dlopen(file.c_str(), RTLD_NOW | RTLD_GLOBAL);
    OSTEON_CHECK(module != nullptr, "cannot open ", file.string(), ": ", ::dlerror());
    using Function = const OsteonTransport* (*)();
    const auto transport = reinterpret_cast<Function>(::dlsym(module, "osteon_transport"));
    OSTEON_CHECK(transport != nullptr, file.string(), " is not a module of this program");
    return *transport();
  }
  throw Error(format(launch.launcher, " started ", launch.processes,
                     " processes, but this program was built without its MPI library (",
                     join(launch.modules), ")", way_out(launch)));
}

std::unique_ptr<ProcessGroup> open_world() {
  const std::optional<Launch> launch = find_launch();
  if (!launch || launch->processes == 1) return std::make_unique<OneProcess>();
  return open_group(open_module(*launch));
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
