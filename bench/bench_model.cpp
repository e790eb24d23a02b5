// bench_model: how many images a second a model trains on or classifies, on random data, as one
// line of JSON. Random data because only the model is measured here; bench_loading measures the
// data.
#include <sys/resource.h>

#include <algorithm>
#include <chrono>
#include <iostream>
#include <nlohmann/json.hpp>

#include "apps/app.h"
#include "nn/models.h"
#include "ops/backend.h"
#include "ops/ops.h"
#include "optim/adam.h"
#include "tensor/random.h"
#include "train/inference.h"
#include "train/options.h"

namespace osteon {
namespace {

using Clock = std::chrono::steady_clock;

struct BenchOptions {
  std::string arch = "resnet50", mode = "train", precision = "fp32", device = "auto",
              backend = "auto";
  std::int64_t image_size = 224, batch_size = 16;
  int steps = 10, warmup = 2, threads = 0;
};

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

Tensor random_images(const BenchOptions& options, DType dtype) {
  const Tensor images({options.batch_size, options.image_size, options.image_size, 3}, DType::f32);
  RandomStream random(1);
  for (std::int64_t i = 0; i < images.numel(); ++i)
    images.data<float>()[i] = static_cast<float>(random.uniform(-2, 2));
  return cast(images, dtype);
}

// One step of what is measured: a training step whole (forward, backward, Adam) or a forward pass.
class Work {
 public:
  explicit Work(const BenchOptions& options)
      : training_(options.mode == "train"),
        model_(make_model(options.arch)),
        optimizer_({{.parameters = model_->named_parameters()}}),
        images_(random_images(options, activation_dtype(options.precision))),
        targets_(full({options.batch_size}, 0.5)) {
    model_->train(training_);
  }

  void step() {
    if (!training_) {
      const NoGrad no_grad;
      logits_of(*model_, images_);
      return;
    }
    optimizer_.zero_grad();
    backward(binary_cross_entropy_with_logits(logits_of(*model_, images_), targets_));
    optimizer_.step();
  }

 private:
  bool training_;
  std::unique_ptr<Module> model_;
  Adam optimizer_;
  Tensor images_, targets_;
};

std::int64_t peak_resident_bytes() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return static_cast<std::int64_t>(usage.ru_maxrss) * 1024;
}

void measure(const BenchOptions& options, Clock::time_point start) {
  configure_process(options.device, options.backend, options.threads);
  Work work(options);
  work.step();
  const double start_seconds = seconds_since(start);
  for (int i = 1; i < options.warmup; ++i) work.step();
  std::vector<double> seconds;
  for (int i = 0; i < options.steps; ++i) {
    const auto begin = Clock::now();
    work.step();
    seconds.push_back(seconds_since(begin));
  }
  std::ranges::sort(seconds);
  const double median = seconds[seconds.size() / 2];
  const nlohmann::ordered_json line = {
      {"arch", options.arch},
      {"mode", options.mode},
      {"image_size", options.image_size},
      {"batch_size", options.batch_size},
      {"precision", options.precision},
      {"device", "cpu"},
      {"images_per_second", static_cast<double>(options.batch_size) / median},
      {"median_step_seconds", median},
      {"start_seconds", start_seconds},
      {"peak_bytes", peak_resident_bytes()},
      {"reference_fallbacks", describe_reference_fallbacks()}};
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
  app.add_option("--batch-size", options.batch_size, "images a step")->check(CLI::PositiveNumber);
  app.add_option("--precision", options.precision, "fp32, tf32, bf16");
  app.add_option("--device", options.device, "auto, cpu, cuda, cuda:N");
  app.add_option("--backend", options.backend, "auto, reference: which CPU kernels");
  app.add_option("--steps", options.steps, "steps measured; the median counts")
      ->check(CLI::PositiveNumber);
  app.add_option("--warmup", options.warmup, "steps before")->check(CLI::PositiveNumber);
  app.add_option("--threads", options.threads, "threads that compute; 0: all cores");
  return osteon::run_app(app, argc, argv, [&] { osteon::measure(options, start); });
}
