// Ten thousand steps of training: memory and file descriptors do not grow.
#include <doctest/doctest.h>
#include <unistd.h>

#include <algorithm>

#include "tests/support/tiny_run.h"
#include "train/trainer.h"

using namespace osteon;

namespace {

namespace fs = std::filesystem;

struct Usage {
  std::int64_t step = 0;
  double resident_megabytes = 0;
  std::ptrdiff_t descriptors = 0;
};

Usage usage_of(pid_t process, std::int64_t step) {
  const fs::path folder = fs::path("/proc") / std::to_string(process);
  std::ifstream file(folder / "statm");
  double pages = 0, resident = 0;
  file >> pages >> resident;
  return {step, resident * static_cast<double>(::sysconf(_SC_PAGESIZE)) / 1e6,
          std::distance(fs::directory_iterator(folder / "fd"), {})};
}

// Trains and samples the program's resources while its log grows.
std::vector<Usage> watch(std::int64_t steps, std::int64_t every) {
  const TemporaryFolder folder;
  write_tiny_data(folder.path() / "data", 500);
  std::vector<std::string> command = tiny_command(folder.path() / "data", folder.path() / "run");
  const auto set = [&](const char* option, const std::string& value) {
    *(std::ranges::find(command, option) + 1) = value;
  };
  set("--batch-size", "2");  // 500 steps per epoch
  set("--epochs", std::to_string((steps + 499) / 500));
  set("--save-every", "1");
  set("--lr", "0.0001");
  command.insert(command.end(), {"--workers", "1", "--schedule", "constant"});
  ChildProcess child(command, folder.path() / "output");
  std::vector<Usage> samples;
  std::int64_t lines = 0;
  std::ifstream log;
  while (child.running()) {
    if (!log.is_open()) log.open(folder.path() / "run/log.jsonl");
    log.clear();
    for (std::string line; std::getline(log, line);)
      if (line.find("\"train\"") != std::string::npos && ++lines % every == 0)
        samples.push_back(usage_of(child.process(), lines));
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
  const std::string text = read_text(folder.path() / "output");
  CAPTURE(text);
  CHECK(child.wait() == 0);
  return samples;
}

// The maximum of the last fifth of the samples against that of the second fifth: the first one is
// the warm-up.
void check_growth(const std::vector<Usage>& samples) {
  REQUIRE(samples.size() >= 10);
  const std::size_t fifth = samples.size() / 5;
  Usage early, late;
  for (std::size_t i = 0; i < fifth; ++i)
    for (auto [highest, sample] : {std::pair{&early, samples[fifth + i]},
                                   std::pair{&late, samples[samples.size() - 1 - i]}}) {
      highest->resident_megabytes =
          std::max(highest->resident_megabytes, sample.resident_megabytes);
      highest->descriptors = std::max(highest->descriptors, sample.descriptors);
    }
  MESSAGE("after ", samples.back().step, " steps: ", late.resident_megabytes,
          " MB resident, before ", early.resident_megabytes, "; ", late.descriptors,
          " descriptors, before ", early.descriptors);
  CHECK(late.resident_megabytes < 1.01 * early.resident_megabytes);
  CHECK(late.descriptors <= early.descriptors);
}

}  // namespace

TEST_SUITE("long") {
  TEST_CASE("memory and descriptors do not grow over 10,000 steps") {
    check_growth(watch(10'000, 100));
  }
}
