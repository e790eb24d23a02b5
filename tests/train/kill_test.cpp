// A training run is killed (SIGKILL, as by a power cut or the out-of-memory killer) at random
// moments while it saves after every step. It resumes each time and ends at the weights of an
// uninterrupted run.
#include <doctest/doctest.h>

#include "base/random.h"
#include "tests/support/message_of.h"
#include "tests/support/tiny_run.h"

using namespace osteon;

namespace {

namespace fs = std::filesystem;
using Clock = std::chrono::steady_clock;

std::size_t checkpoints_begun(const fs::path& run) {
  std::size_t count = 0;
  if (fs::exists(run / "checkpoints"))
    for (const auto& entry : fs::directory_iterator(run / "checkpoints"))
      count += entry.path().extension() == ".partial";
  return count;
}

// Kills until `kills` kills hit a running process; several kills may hit one run.
void kill_and_resume(int kills) {
  const TemporaryFolder folder;
  const fs::path data = folder.path() / "data", output = folder.path() / "output";
  write_tiny_data(data);
  const fs::path whole = folder.path() / "whole";
  const auto start = Clock::now();
  REQUIRE(ChildProcess(tiny_command(data, whole), output).wait() == 0);
  const std::chrono::duration<double> duration = Clock::now() - start;
  const RunRecord expected = record_of(whole);

  RandomStream random(2026);
  int done = 0, while_saving = 0, finished = 0, next_workers = 0;
  while (done < kills) {
    const fs::path run = folder.path() / format("run-", finished);
    for (bool ended = false; !ended;) {
      ChildProcess child(fs::exists(run / "config.json") ? resume_command(run, next_workers++ % 4)
                                                         : tiny_command(data, run),
                         output);
      const std::chrono::duration<double> moment = duration * random.uniform(0, 1.1);
      const auto until = Clock::now() + moment;
      if (done < kills)
        while (child.running() && Clock::now() < until)
          std::this_thread::sleep_for(std::chrono::milliseconds(1));
      if (done < kills && child.running()) child.signal(SIGKILL);
      const int status = child.wait();  // 0 for one that ended just before the signal
      ended = status != 256 + SIGKILL;
      if (!ended) {
        ++done;
        while_saving += checkpoints_begun(run) > 0;
      } else {
        const std::string text = read_text(output);
        CAPTURE(text);
        REQUIRE(status == 0);
      }
    }
    CAPTURE(done);
    const RunRecord record = record_of(run);
    CHECK(record.losses == expected.losses);
    CHECK((record.last == expected.last));
    CHECK((record.best == expected.best));
    CHECK(read_text(run / "metrics.json") == read_text(whole / "metrics.json"));
    fs::remove_all(run);
    ++finished;
  }
  MESSAGE(done, " kills, ", while_saving, " of them while a checkpoint was being written; ",
          finished,
          " runs resumed to their end, all with the weights of the run that was left alone");
}

}  // namespace

TEST_CASE("killed 5 times") { kill_and_resume(5); }

TEST_SUITE("long") {
  TEST_CASE("killed 50 times") { kill_and_resume(50); }
}
