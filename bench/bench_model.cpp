// bench_model: measures the images per second of a model in training or inference, and prints one
// line of JSON. The images are random, because only the model is measured here; bench_loading
// measures the data.
#include <sys/resource.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <iostream>
#include <map>
#include <nlohmann/json.hpp>

#include "apps/app.h"
#include "bench/measure_peak.h"
#include "eval/inference.h"
#include "eval/inference_step.h"
#include "eval/machine.h"
#include "nn/init.h"
#include "nn/models.h"
#include "ops/backend.h"
#include "ops/convolution/run.h"
#include "ops/ops.h"
#include "optim/adam.h"
#include "train/training_step.h"

namespace osteon {
namespace {

using Clock = std::chrono::steady_clock;

struct BenchOptions : MachineOptions {
  std::string arch = "resnet50", mode = "train";
  std::int64_t image_size = 224, batch_size = 16;
  int steps = 10, warmup = 2;
  bool profile = false, autotune = false;
};

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

Tensor random_images(const BenchOptions& options, DType dtype, const Device& device) {
  const Tensor images({options.batch_size, options.image_size, options.image_size, 3}, DType::f32);
  uniform_(images, 2, {.seed = 1, .stream = 0});
  return cast(images, dtype).to(device);
}

// One measured step: a training step (forward, backward, Adam) as the trainer does it, or a forward
// pass. On the CPU a step ends when its results are on the host. On a CUDA device it ends when the
// results of the previous step are on the host, so that the device always has work. The time of a
// step is the time between two such ends.
class Work {
 public:
  Work(const BenchOptions& options, const Device& device)
      : model_(make_model(options.arch)),
        images_(random_images(options, activation_dtype(options.precision, device), device)),
        targets_(full({options.batch_size}, 0.5, DType::f32, device)) {
    model_->to(device);
    model_->train(options.mode == "train");
    const bool is_recorded = options.may_record() && !options.profile;  // a replay shows no ops
    if (options.mode != "train") {
      inference_step_ = std::make_unique<InferenceStep>(
          device, [this](const Tensors&) { return outputs_of(*model_, images_); },
          InferenceStep::Options{.batch_size = options.batch_size, .record = is_recorded});
      return;
    }
    optimizer_ = std::make_unique<Adam>(
        std::vector<ParameterGroup>{{.parameters = model_->named_parameters()}});
    training_step_ = std::make_unique<TrainingStep>(
        *model_, *optimizer_,
        [this](const Tensors&) {
          return binary_cross_entropy_with_logits(reshape(outputs_of(*model_, images_), {-1}),
                                                  targets_);
        },
        TrainingStep::Options{.batch_size = options.batch_size, .record = is_recorded});
    batch_.samples.resize(static_cast<std::size_t>(options.batch_size));
    training_step_->prepare(batch_, 0);
  }

  void step() {
    if (inference_step_) {
      inference_step_->issue({});
      inference_step_->take_outputs(false);
      return;
    }
    training_step_->issue({batch_});
    training_step_->take_result(false);
  }

  // Waits for issued steps.
  void finish() {
    while (inference_step_ && inference_step_->take_outputs(true)) continue;
    while (training_step_ && training_step_->take_result(true)) continue;
  }

 private:
  std::unique_ptr<Module> model_;
  Tensor images_, targets_;
  std::unique_ptr<Adam> optimizer_;                // in training
  std::unique_ptr<TrainingStep> training_step_;    // in training
  TrainingBatch batch_;                            // without inputs: they are prepared once
  std::unique_ptr<InferenceStep> inference_step_;  // in inference
};

// The time of each op. The time of an op's forward pass is counted from the end of the previous
// op. The time of its gradient rule is counted in the same way, and thus includes the accumulation
// of gradients.
class Profile {
 public:
  void begin_step() {
    last_ = Clock::now();
    ++steps_;
  }
  void note(const std::string& what, const Shape& shape) {
    const double seconds = seconds_since(last_);
    last_ = Clock::now();
    by_op_[what] += seconds;
    by_shape_[format(what, " ", shape)] += seconds;
  }
  void print() const {
    for (const auto* table : {&by_shape_, &by_op_}) {
      std::vector<std::pair<double, std::string>> rows;
      for (const auto& [what, seconds] : *table) rows.emplace_back(seconds, what);
      std::ranges::sort(rows, std::greater());
      for (const auto& [seconds, what] : rows)
        std::printf("%9.3f ms  %s\n", 1e3 * seconds / steps_, what.c_str());
      std::printf("\n");
    }
  }

 private:
  Clock::time_point last_;
  int steps_ = 0;
  std::map<std::string, double> by_op_, by_shape_;
};

std::int64_t page_faults() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return usage.ru_minflt;
}

std::int64_t peak_resident_bytes() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return static_cast<std::int64_t>(usage.ru_maxrss) * 1024;
}

// The convolutions of one shape and direction on the CPU.
class ConvolutionProfile {
 public:
  void note(const convolution::Execution& execution) {
    const convolution::Problem problem = execution.call.problem();
    Row& row = rows_[{describe(problem), execution.kernel}];
    ++row.calls;
    row.seconds += execution.seconds;
    row.flops += flops(problem);
  }
  // Per step; the longest first.
  void print(int steps, double peak_gflops) const {
    std::vector<std::pair<Names, Row>> sorted(rows_.begin(), rows_.end());
    std::ranges::sort(sorted, std::greater(), [](const auto& row) { return row.second.seconds; });
    std::printf("calls         ms   GFLOP/s  of peak  kernel     convolution\n");
    for (const auto& [names, row] : sorted) {
      const double gflops = 1e-9 * row.flops / row.seconds;
      std::printf("%5d  %9.3f  %8.1f  %6.0f%%  %-9s  %s\n", row.calls / steps,
                  1e3 * row.seconds / steps, gflops, 100 * gflops / peak_gflops,
                  names.second.c_str(), names.first.c_str());
    }
    std::printf("peak of the multiply-add units: %.1f GFLOP/s\n\n", peak_gflops);
  }

 private:
  using Names = std::pair<std::string, std::string>;  // convolution, kernel
  struct Row {
    int calls = 0;
    double seconds = 0, flops = 0;
  };
  std::map<Names, Row> rows_;
};

// Without observed ops, so that layers are fused as usual.
void print_convolutions(const BenchOptions& options, Work& work) {
  const double peak = options.precision == "bf16" ? peak_bf16_gflops() : peak_f32_gflops();
  ConvolutionProfile profile;
  const convolution::ObserveConvolutions observer(
      [&](const convolution::Execution& execution) { profile.note(execution); });
  work.step();  // the first step with fused layers folds them
  profile = {};
  for (int i = 0; i < options.steps; ++i) work.step();
  profile.print(options.steps, peak);
}

void print_profile(const BenchOptions& options, Work& work) {
  Profile profile;
  const ObserveOps forward([&](const Observation& op) {
    profile.note(format(op.name, " forward"), op.outputs[0].shape());
  });
  const ObserveBackward backward([&](const Node& node) {
    profile.note(format(node.name, " backward"), node.outputs[0].shape);
  });
  for (int i = 0; i < options.steps; ++i) {
    profile.begin_step();
    work.step();
    profile.note("optimizer", Shape());
  }
  profile.print();
}

void measure(const BenchOptions& options, Clock::time_point start) {
  const Device device = configure_process(options);
  set_autotune(options.autotune);
  Work work(options, device);
  const double start_seconds = seconds_since(start);  // until the first step can begin
  work.step();
  work.finish();
  const double first_step_seconds = seconds_since(start);  // until the first step has ended
  for (int i = 1; i < options.warmup; ++i) work.step();
  if (options.profile) {
    print_profile(options, work);
    if (!device.is_cuda()) print_convolutions(options, work);
  }
  const std::int64_t faults_before = page_faults();
  std::vector<double> seconds;
  for (int i = 0; i < options.steps; ++i) {
    const auto begin = Clock::now();
    work.step();
    seconds.push_back(seconds_since(begin));
  }
  const std::int64_t faults = (page_faults() - faults_before) / options.steps;
  std::ranges::sort(seconds);
  const double median = seconds[seconds.size() / 2];
  const nlohmann::ordered_json line = {
      {"arch", options.arch},
      {"mode", options.mode},
      {"image_size", options.image_size},
      {"batch_size", options.batch_size},
      {"precision", options.precision},
      {"device", describe(device)},
      {"images_per_second", static_cast<double>(options.batch_size) / median},
      {"median_step_seconds", median},
      {"start_seconds", start_seconds},
      {"first_step_seconds", first_step_seconds},
      {"peak_bytes", device.is_cuda()
                         ? static_cast<std::int64_t>(memory_statistics(device).reserved_bytes)
                         : peak_resident_bytes()},
      {"page_faults_per_step", faults},
      {"reference_fallbacks", describe_reference_fallbacks()},
      {"plan_faults", describe_plan_faults()}};
  std::cout << line.dump() << "\n";
}

}  // namespace
}  // namespace osteon

int main(int argc, char** argv) {
  const auto start = osteon::Clock::now();
  CLI::App app("Measures a model on random images; prints one line of JSON", "bench_model");
  app.option_defaults()->always_capture_default();
  osteon::BenchOptions options;
  app.add_option("--arch", options.arch, "as for train_mura");
  app.add_option("--mode", options.mode, "train: forward, backward and Adam; infer: forward")
      ->check(CLI::IsMember({"train", "infer"}));
  app.add_option("--image-size", options.image_size, "side of the images in pixels")
      ->check(CLI::Range(16, 4096));
  app.add_option("--batch-size", options.batch_size, "images per step")->check(CLI::PositiveNumber);
  app.add_option("--steps", options.steps, "measured steps; the median is reported")
      ->check(CLI::PositiveNumber);
  app.add_option("--warmup", options.warmup, "steps before the measured ones")
      ->check(CLI::PositiveNumber);
  osteon::for_each_machine_option(
      options, [&](const osteon::OptionInfo& info, auto& value, const auto& check) {
        osteon::add_option(app, info, value, check);
      });
  app.add_flag("--autotune", options.autotune,
               "choose the kernels of convolutions by timing at the first use of a shape");
  app.add_flag("--profile", options.profile,
               "first print the time of each op, with layers that are not fused; on the CPU then "
               "the kernel and speed of each convolution");
  return osteon::run_app(app, argc, argv, [&] { osteon::measure(options, start); });
}
