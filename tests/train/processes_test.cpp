// Training and evaluation by several processes, started by mpirun: the same bits as one process,
// whatever happens to one of them. tests/comm has the operations of a group.
#include <doctest/doctest.h>

#include <cstdlib>
#include <fstream>

#include "base/random.h"
#include "tensor/safetensors.h"
#include "tests/support/message_of.h"
#include "tests/support/mpi_environment.h"
#include "tests/support/tiny_run.h"

using namespace osteon;

namespace {

namespace fs = std::filesystem;
using Arguments = std::vector<std::string>;

// mpirun with so many processes of a command, which begins with the program's path.
Arguments by_processes(int count, const Arguments& command) {
  Arguments arguments{OSTEON_MPIRUN, "-n", std::to_string(count)};
  arguments.insert(arguments.end(), command.begin(), command.end());
  return arguments;
}

Arguments operator+(Arguments left, const Arguments& right) {
  left.insert(left.end(), right.begin(), right.end());
  return left;
}

// Runs a command to its end; returns the exit status, and what it printed.
std::pair<int, std::string> run(const Arguments& arguments, const fs::path& folder) {
  const fs::path output = folder / "output";
  const int status = ChildProcess(arguments, output).wait();
  return {status, read_text(output)};
}

// Shards of two images and everything that draws random numbers.
Arguments shards_command(const fs::path& data, const fs::path& out) {
  Arguments command = tiny_command(data, out);
  *(std::ranges::find(command, "--batch-size") + 1) = "2";
  return command + Arguments{"--shards",     "4",       "--mixup", "0.2",   "--jitter",
                             "0.1",          "--erase", "0.25",    "--ema", "0.9",
                             "--accumulate", "2",       "--quiet"};
}

void check_same_run(const fs::path& run, const fs::path& expected) {
  CAPTURE(run.string());
  const RunRecord now = record_of(run), wanted = record_of(expected);
  CHECK(now.losses == wanted.losses);
  CHECK(now.last == wanted.last);
  CHECK(now.best == wanted.best);
  for (const char* file : {"last/optimizer.safetensors", "last/other.safetensors", "metrics.json",
                           "predictions.csv", "studies.csv"})
    CHECK_MESSAGE(read_text(run / file) == read_text(expected / file), file);
}

// The lines in which a process speaks; the launcher adds lines of its own.
std::int64_t lines_of_processes(const std::string& output) {
  std::istringstream text(output);
  std::int64_t count = 0;
  for (std::string line; std::getline(text, line);) count += line.starts_with("rank ");
  return count;
}

// The process of a rank among the children of mpirun.
std::optional<pid_t> process_of_rank(pid_t mpirun, int rank) {
  for (const auto& entry : fs::directory_iterator("/proc")) {
    const std::string stat = read_text(entry.path() / "stat");
    const auto end_of_name = stat.rfind(')');
    if (end_of_name == std::string::npos) continue;
    std::istringstream fields(stat.substr(end_of_name + 1));
    std::string state;
    pid_t parent = 0;
    fields >> state >> parent;
    const std::string wanted = format("OMPI_COMM_WORLD_RANK=", rank, '\0');
    if (parent == mpirun && contains(read_text(entry.path() / "environ"), wanted))
      return std::stoi(entry.path().filename().string());
  }
  return std::nullopt;
}

struct Environment {
  Environment() { set_mpi_environment(); }
} const environment;

// Kills a random process of a random number of them at a random moment while it saves after every
// step; the run is resumed each time, and ends at the weights of one that was never stopped.
void kill_and_resume(int kills) {
  const TemporaryFolder folder;
  const fs::path data = folder.path() / "data", whole = folder.path() / "whole";
  write_tiny_data(data);
  const auto start = std::chrono::steady_clock::now();
  REQUIRE(run(shards_command(data, whole), folder.path()).first == 0);
  const std::chrono::duration<double> duration = std::chrono::steady_clock::now() - start;
  RandomStream random(2026);
  int done = 0;
  for (int number = 0; done < kills; ++number) {
    const fs::path out = folder.path() / format("run-", number);
    for (bool ended = false; !ended;) {
      const int processes = 1 << random.below(3);
      const Arguments command = fs::exists(out / "config.json")
                                    ? resume_command(out, 1) + Arguments{"--quiet"}
                                    : shards_command(data, out);
      ChildProcess child(by_processes(processes, command), folder.path() / "output");
      if (done < kills) {
        std::this_thread::sleep_for(duration * random.uniform(0.3, 1.5));
        const auto victim = process_of_rank(
            child.process(), static_cast<int>(random.below(static_cast<std::uint64_t>(processes))));
        if (victim && ::kill(*victim, SIGKILL) == 0) ++done;
      }
      ended = child.wait() == 0;
    }
    check_same_run(out, whole);
  }
}

}  // namespace

TEST_CASE("any number of processes gives the same run, bit for bit") {
  const TemporaryFolder folder;
  const fs::path data = folder.path() / "data";
  write_tiny_data(data);
  REQUIRE(run(shards_command(data, folder.path() / "one"), folder.path()).first == 0);
  for (const int processes : {1, 2, 4}) {
    const fs::path out = folder.path() / format("by-", processes);
    const auto [status, output] =
        run(by_processes(processes, shards_command(data, out)), folder.path());
    CAPTURE(output);
    REQUIRE(status == 0);
    check_same_run(out, folder.path() / "one");
  }
}

TEST_CASE("a run goes on with another number of processes") {
  const TemporaryFolder folder;
  const fs::path data = folder.path() / "data", whole = folder.path() / "whole";
  write_tiny_data(data);
  REQUIRE(run(shards_command(data, whole), folder.path()).first == 0);
  const fs::path out = folder.path() / "stopped";
  {
    ChildProcess child(by_processes(2, shards_command(data, out)), folder.path() / "output");
    REQUIRE(child.wait_until([&] { return fs::exists(out / "last"); }));
    const auto second = process_of_rank(child.process(), 1);
    REQUIRE(second.has_value());
    ::kill(*second, SIGTERM);
    const int status = child.wait();
    const std::string output = read_text(folder.path() / "output");
    CAPTURE(output);
    CHECK(status == 128 + SIGTERM);
    const std::string line = "train_mura: interrupted by SIGTERM after step";
    CHECK(contains(output, line));
    CHECK(output.find(line) == output.rfind(line));  // one process speaks
  }
  const auto [status, output] =
      run(by_processes(4, resume_command(out, 1) + Arguments{"--quiet"}), folder.path());
  CAPTURE(output);
  CHECK(status == 0);
  CHECK(!contains(output, "bit for bit"));
  check_same_run(out, whole);
}

TEST_CASE("a killed process ends all; the run is resumed by other numbers of processes") {
  kill_and_resume(5);
}

TEST_CASE("twenty killed processes" * doctest::test_suite("long")) { kill_and_resume(20); }

TEST_CASE("shared evaluation gives the files of a single process") {
  const TemporaryFolder folder;
  const fs::path data = folder.path() / "data", model = folder.path() / "model";
  write_tiny_data(data);
  REQUIRE(run(tiny_command(data, model) + Arguments{"--quiet"}, folder.path()).first == 0);
  const auto evaluate = [&](const std::string& name) {
    return Arguments{std::string(OSTEON_PROGRAMS) + "/eval_mura",
                     "--checkpoint",
                     model.string(),
                     "--data",
                     data.string(),
                     "--split",
                     "all",
                     "--batch-size",
                     "7",
                     "--tta",
                     "flip",
                     "--threads",
                     "1",
                     "--out",
                     (folder.path() / name).string()};
  };
  REQUIRE(run(evaluate("one"), folder.path()).first == 0);
  for (const int processes : {2, 3}) {
    const std::string name = format("by-", processes);
    const auto [status, output] = run(by_processes(processes, evaluate(name)), folder.path());
    CAPTURE(output);
    REQUIRE(status == 0);
    for (const char* file : {"metrics.json", "predictions.csv", "studies.csv", "report.html"})
      CHECK_MESSAGE(
          read_text(folder.path() / name / file) == read_text(folder.path() / "one" / file), file);
  }
}

TEST_CASE("shared prediction prints and writes what a single process does") {
  const TemporaryFolder folder;
  const fs::path data = folder.path() / "data", model = folder.path() / "model";
  write_tiny_data(data);
  REQUIRE(run(tiny_command(data, model) + Arguments{"--quiet"}, folder.path()).first == 0);
  std::ofstream(data / "broken.png") << "no image";
  // Each batch size gives other shares: whole rounds, and processes without a batch in the last.
  for (const char* batch_size : {"3", "16"}) {
    const auto predict = [&](int processes) {
      const fs::path out = folder.path() / format(batch_size, "-by-", processes);
      fs::create_directories(out);
      const Arguments command{std::string(OSTEON_PROGRAMS) + "/predict",
                              "--checkpoint",
                              model.string(),
                              "--studies",
                              "--threads",
                              "1",
                              "--batch-size",
                              batch_size,
                              "--cam",
                              (folder.path() / "maps").string(),
                              "--csv",
                              (out / "csv").string(),
                              "--json",
                              (out / "json").string(),
                              data.string()};
      const auto [status, output] = run(by_processes(processes, command), out);
      CAPTURE(output);
      CHECK(status == 1);
      CHECK(contains(output, "images have no prediction"));
      CHECK(contains(output, "broken.png"));
      CHECK(contains(output, "study "));
      return out;
    };
    const fs::path one = predict(1);
    for (const int processes : {2, 3}) {
      const fs::path several = predict(processes);
      for (const char* file : {"csv", "json"})
        CHECK_MESSAGE(read_text(several / file) == read_text(one / file), processes, " ", file);
    }
  }
}

TEST_CASE("batch norm over all processes is that of one process with the whole batch") {
  const TemporaryFolder folder;
  const auto steps = [&](int processes, const char* mode, const char* rows) {
    const fs::path out = folder.path() / format(mode, processes, rows);
    const auto [status, output] =
        run(by_processes(processes, {std::string(OSTEON_PROGRAMS) + "/tests/parallel_steps",
                                     out.string(), mode, rows}),
            folder.path());
    CAPTURE(output);
    REQUIRE(status == 0);
    return read_safetensors(out);
  };
  const auto difference = [](const NamedTensors& a, const NamedTensors& b) {
    double largest = 0;
    for (std::size_t i = 0; i < a.tensors.size(); ++i) {
      const auto x = a.tensors[i].second.to_vector(), y = b.tensors[i].second.to_vector();
      for (std::size_t j = 0; j < x.size(); ++j)
        largest = std::max(largest, std::abs(x[j] - y[j]) / std::max(1.0, std::abs(y[j])));
    }
    return largest;
  };
  for (const char* rows : {"12", "13"}) {  // 13 is divided unequally
    CAPTURE(rows);
    const NamedTensors whole = steps(1, "separate", rows);
    for (const int processes : {2, 3}) {
      CAPTURE(processes);
      CHECK(difference(steps(processes, "synchronised", rows), whole) < 1e-12);
      CHECK(difference(steps(processes, "separate", rows), whole) > 1e-6);
    }
  }
}

TEST_CASE("faults end all processes with one line and one status") {
  const TemporaryFolder folder;
  const fs::path data = folder.path() / "data", other = folder.path() / "other";
  write_tiny_data(data);
  write_tiny_data(other, 10);
  const Arguments train = tiny_command(data, folder.path() / "run") + Arguments{"--quiet"};
  // The second process gets another value of this option.
  const auto differently = [&](const std::string& option, const std::string& value) {
    Arguments second = train;
    const auto place = std::ranges::find(second, option);
    if (place == second.end())
      second.insert(second.end(), {option, value});
    else
      *(place + 1) = value;
    return Arguments{OSTEON_MPIRUN, "-n", "1"} + train + Arguments{":", "-n", "1"} + second;
  };
  struct Row {
    Arguments arguments;
    int status;
    std::string line;
  };
  const std::string missing = (folder.path() / "missing").string();
  for (const Row& row :
       {Row{by_processes(2, {std::string(OSTEON_PROGRAMS) + "/audit_data", "--data", missing}), 2,
            "audit_data runs as one process; start it without mpirun"},
        Row{by_processes(3, train + Arguments{"--shards", "4"}), 2,
            "--shards 4: 3 processes cannot share them equally"},
        Row{by_processes(2, train + Arguments{"--sync-batch-norm", "--shards", "4"}), 2,
            "--sync-batch-norm: a process has 2 shards"},
        Row{by_processes(2, train + Arguments{"--init", missing}), 1, missing + ": no such file"},
        Row{differently("--lr", "0.5"), 1, "the processes differ in lr: 0.01 in rank 0 on "},
        Row{differently("--data", other.string()), 1, "the processes differ in samples: "},
        Row{differently("--threads", "2"), 1, "the processes differ in threads: 1 in rank 0 on "},
        Row{differently("--init", missing), 1, "rank 1 on "}}) {
    const auto [status, output] = run(row.arguments, folder.path());
    CAPTURE(output);
    CAPTURE(row.line);
    CHECK(status == row.status);
    CHECK(contains(output, row.line));
    CHECK(lines_of_processes(output) == 1);
    CHECK(!fs::exists(folder.path() / "run/config.json"));
  }
}

TEST_CASE("a process that hangs is named") {
  const TemporaryFolder folder;
  const fs::path data = folder.path() / "data", out = folder.path() / "run";
  write_tiny_data(data);
  Arguments command = tiny_command(data, out) + Arguments{"--quiet", "--hang-timeout", "2"};
  *(std::ranges::find(command, "--epochs") + 1) = "10000";
  for (const int victim : {0, 1}) {
    CAPTURE(victim);
    fs::remove_all(out);
    ChildProcess child(by_processes(2, command), folder.path() / "output");
    REQUIRE(child.wait_until([&] { return fs::exists(out / "last"); }));
    const auto process = process_of_rank(child.process(), victim);
    REQUIRE(process.has_value());
    std::this_thread::sleep_for(std::chrono::seconds(1));  // until a mark was sent
    const auto stopped = std::chrono::steady_clock::now();
    ::kill(*process, SIGSTOP);
    CHECK(child.wait() == 1);
    const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - stopped;
    CHECK(seconds.count() < 10);
    const std::string output = read_text(folder.path() / "output");
    CAPTURE(output);
    CHECK(contains(output, format("rank ", victim, " on ")));
    CHECK(contains(output, "has made no progress for 2 s; its last mark was: "));
  }
}

TEST_CASE("a launcher whose MPI library is not built in is an error, not N runs") {
  const TemporaryFolder folder;
  const fs::path data = folder.path() / "data";
  write_tiny_data(data);
  // As MPICH's launcher sets it; the module of this build is Open MPI's.
  const auto [status, output] = run(Arguments{"/usr/bin/env", "PMI_SIZE=2", "PMI_RANK=0"} +
                                        tiny_command(data, folder.path() / "run"),
                                    folder.path());
  CHECK(status == 1);
  CHECK(contains(output,
                 "MPICH's mpirun started this process as one of 2, but there is no "
                 "osteon_mpi_mpich.so in "));
  CHECK(contains(output, "install libmpich-dev and build again"));
  CHECK(!fs::exists(folder.path() / "run"));
}
