// Training by several processes, each with an emulated device of its own, started by mpirun: equal
// weights in all of them and for any number of them, the calls of a step, and failures.
#include <doctest/doctest.h>

#include <cstdlib>

#include "tensor/safetensors.h"
#include "tests/support/message_of.h"
#include "tests/support/mpi_environment.h"
#include "tests/support/tiny_run.h"

using namespace osteon;

namespace {

namespace fs = std::filesystem;
using Arguments = std::vector<std::string>;

const std::string kPrograms = std::string(OSTEON_PROGRAMS) + "/tests/";

struct Environment {
  Environment() {
    set_mpi_environment();
    ::setenv("OSTEON_EMULATED_DEVICES", "4", 1);
  }
} const environment;

Arguments operator+(Arguments left, const Arguments& right) {
  left.insert(left.end(), right.begin(), right.end());
  return left;
}

// mpirun with so many processes of a command; 0: one process without mpirun.
Arguments by_processes(int count, const Arguments& command) {
  if (count == 0) return command;
  return Arguments{OSTEON_MPIRUN, "-n", std::to_string(count)} + command;
}

// Runs a command to its end; returns the exit status, and what it printed.
std::pair<int, std::string> run(const Arguments& arguments, const fs::path& folder) {
  const fs::path output = folder / "output";
  const int status = ChildProcess(arguments, output).wait();
  return {status, read_text(output)};
}

// train_mura on the emulated device, or on the CPU.
Arguments training(const fs::path& data, const fs::path& out, const std::string& device,
                   const Arguments& more, const std::string& batch_size = "4") {
  Arguments command = tiny_command(data, out);
  if (device != "cpu") command[0] = kPrograms + "train_mura_emulated";
  const auto value_of = [&](const char* option) -> std::string& {
    return *(std::ranges::find(command, option) + 1);
  };
  value_of("--batch-size") = batch_size;
  value_of("--save-every") = "60";
  value_of("--lr") = "0.001";  // larger steps amplify rounding
  return command + Arguments{"--quiet", "--device", device} + more;
}

RunRecord trained(int processes, const Arguments& command, const fs::path& folder,
                  const fs::path& out) {
  const auto [status, output] = run(by_processes(processes, command), folder);
  CAPTURE(output);
  REQUIRE(status == 0);
  CHECK(!contains(output, "warning"));  // such as one that a step cannot be recorded
  return record_of(out);
}

// A part of device_steps.cpp by two processes, and what it wrote.
NamedTensors steps_of(const std::string& part, const std::string& order, const fs::path& folder) {
  const fs::path out = folder / (part + order);
  const auto [status, output] =
      run(Arguments{"/usr/bin/env", "OSTEON_EMULATED_ORDER=" + order} +
              by_processes(2, {kPrograms + "device_steps", part, out.string()}),
          folder);
  CAPTURE(output);
  REQUIRE(status == 0);
  return read_safetensors(out);
}

// The largest difference of a tensor of these names, relative to the tensor's largest element.
double difference(const NamedTensors& a, const NamedTensors& b, const std::string& end_of_name) {
  double largest = 0;
  for (std::size_t i = 0; i < a.tensors.size(); ++i) {
    if (!a.tensors[i].first.ends_with(end_of_name)) continue;
    const auto x = a.tensors[i].second.to_vector(), y = b.tensors[i].second.to_vector();
    double size = 1e-3, worst = 0;
    for (std::size_t j = 0; j < x.size(); ++j) {
      size = std::max(size, std::abs(y[j]));
      worst = std::max(worst, std::abs(x[j] - y[j]));
    }
    largest = std::max(largest, worst / size);
  }
  return largest;
}

}  // namespace

TEST_CASE("with --shards any number of processes gives the same run on devices, bit for bit") {
  const TemporaryFolder folder;
  const fs::path data = folder.path() / "data";
  write_tiny_data(data);
  // With accumulation the shards of one process come one after the other, call by call.
  for (const Arguments& more : {Arguments{"--precision", "bf16"}, Arguments{"--accumulate", "2"}}) {
    CAPTURE(more[0]);
    RunRecord expected;
    for (const int processes : {0, 1, 2, 4}) {
      CAPTURE(processes);
      const fs::path out = folder.path() / format(more[0], processes);
      // Two images a shard: six full steps, of which four processes record the last four.
      const RunRecord record =
          trained(processes, training(data, out, "cuda", Arguments{"--shards", "4"} + more, "2"),
                  folder.path(), out);
      if (processes == 0) expected = record;
      CHECK(record == expected);
    }
  }
}

TEST_CASE("a run on devices goes on with another number of processes") {
  const TemporaryFolder folder;
  const fs::path data = folder.path() / "data";
  write_tiny_data(data);
  const auto command = [&](const char* name, const char* epochs) {
    Arguments words = training(data, folder.path() / name, "cuda",
                               {"--shards", "4", "--schedule", "constant"}, "2");
    *(std::ranges::find(words, "--epochs") + 1) = epochs;
    return words;
  };
  const RunRecord whole = trained(2, command("whole", "2"), folder.path(), folder.path() / "whole");
  const fs::path out = folder.path() / "stopped";
  trained(4, command("stopped", "1"), folder.path(), out);
  const Arguments resume{kPrograms + "train_mura_emulated",
                         "--out",
                         out.string(),
                         "--resume",
                         "--epochs",
                         "2",
                         "--quiet"};
  CHECK(trained(0, resume, folder.path(), out) == whole);
}

TEST_CASE("a run by processes with devices: options that change what a step does") {
  const TemporaryFolder folder;
  const fs::path data = folder.path() / "data";
  write_tiny_data(data);
  const auto record_by = [&](const std::string& name, const std::string& device,
                             const Arguments& more) {
    const fs::path out = folder.path() / name;
    return trained(2,
                   training(data, out, device,
                            Arguments{"--mixup", "0.2", "--ema", "0.9", "--clip-norm", "1",
                                      "--shards", "2", "--skip-nonfinite"} +
                                more),
                   folder.path(), out);
  };
  const RunRecord recorded = record_by("recorded", "auto", {});
  CHECK(record_by("by call", "cuda", {"--record", "off"}) == recorded);
  const RunRecord on_cpu = record_by("cpu", "cpu", {});
  REQUIRE(recorded.losses.size() == on_cpu.losses.size());
  for (std::size_t i = 0; i < on_cpu.losses.size(); ++i)
    CHECK(recorded.losses[i] == doctest::Approx(on_cpu.losses[i]).epsilon(1e-3));
}

// device_steps.cpp compares the processes, and the calls of a recorded step.
TEST_CASE("two devices compute what two processes compute on the CPU, in every order of streams") {
  const TemporaryFolder folder;
  struct Row {
    std::string part;
    double tolerance;  // of losses and weights
  };
  for (const Row& row : {Row{"steps", 1e-3}, Row{"synchronised", 1e-4}}) {
    CAPTURE(row.part);
    const NamedTensors on_device = steps_of(row.part, "immediate", folder.path());
    const NamedTensors on_cpu = steps_of("cpu_" + row.part, "immediate", folder.path());
    CHECK(on_device.tensors.size() > 100);
    for (const char* name : {"losses", ".weight"})
      CHECK(difference(on_device, on_cpu, name) < row.tolerance);
    for (const char* order : {"late", "early"}) {
      CAPTURE(std::string(order));
      CHECK(difference(steps_of(row.part, order, folder.path()), on_device, "") == 0);
      if (row.part == "steps")  // each sum with a wait of its own
        CHECK(difference(steps_of("steps_by_call", order, folder.path()), on_device, "") == 0);
    }
  }
}

TEST_CASE("failures end all processes with a line that names the process") {
  const TemporaryFolder folder;
  const fs::path data = folder.path() / "data", out = folder.path() / "run";
  write_tiny_data(data);
  const auto part = [](const char* name) { return Arguments{kPrograms + "device_steps", name}; };
  struct Row {
    int processes;
    Arguments command;
    std::string line;
  };
  for (const Row& row :
       {Row{2, part("mismatch"),
            "rank 0 is in ncclAllReduce of 100 f32, call 0 of the two, but rank 1 is in "
            "ncclAllReduce of 101 f32"},
        Row{2, part("failure"), "NCCL: a sum over processes failed in rank 1 on "},
        Row{2, part("same_device"), " 0000:01:00.0; each process needs one of its own"},
        Row{2, training(data, out, "cuda:0", {}), " have the same GPU, "},
        Row{5, training(data, out, "cuda", {}), "--device cuda: 5 processes run on "}}) {
    CAPTURE(row.line);
    const auto [status, output] = run(by_processes(row.processes, row.command), folder.path());
    CAPTURE(output);
    CHECK(status == 1);
    CHECK((contains(output, row.line) ||
           contains(output,
                    "rank 1 is in ncclAllReduce of 101 f32, call 0 of the two, but rank 0 "
                    "is in ncclAllReduce of 100 f32")));
    CHECK(!fs::exists(out));
  }
}
