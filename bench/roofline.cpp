// roofline: the lower bound of a training step's cost on a GPU, and its number of launches. The
// step is the trainer's own, on an emulated device (tests/cuda_emulator) that counts the work but
// computes nothing: it needs no GPU, and the shapes are the real ones.
//
//   build/bin/roofline --arch resnet50 --size 224 --batch 256
#include <cstdio>

#include "apps/app.h"
#include "bench/traffic.h"
#include "eval/inference.h"
#include "eval/machine.h"
#include "nn/models.h"
#include "ops/ops.h"
#include "optim/adam.h"
#include "tests/cuda_emulator/journal.h"
#include "tests/cuda_emulator/settings.h"
#include "train/training_step.h"

namespace osteon {
namespace {

struct RooflineOptions {
  std::string arch = "resnet50", precision = "bf16";
  std::int64_t size = 224, batch = 256;
  double bandwidth = 3.35e12,
         flops = 989e12;  // an H100 SXM's data sheet: bytes and bf16 operations per second
};

// The trainer's step on one batch.
class Step {
 public:
  Step(const RooflineOptions& options, const Device& device)
      : dtype_(activation_dtype(options.precision, device)),
        size_(options.size),
        model_(make_model(options.arch)) {
    model_->to(device);
    optimizer_ = std::make_unique<Adam>(
        std::vector<ParameterGroup>{{.parameters = model_->named_parameters()}});
    step_ = std::make_unique<TrainingStep>(
        *model_, *optimizer_, [this](const Tensors& inputs) { return loss(inputs); },
        TrainingStep::Options{});
    batch_ = {{zeros({options.batch, size_, size_, 1}, DType::u8), zeros({options.batch, 2, 3}),
               zeros({options.batch}), zeros({options.batch})},
              std::vector<std::int64_t>(static_cast<std::size_t>(options.batch))};
  }

  void run() {
    step_->issue({batch_});
    step_->take_result(true);
  }
  double parameters() const { return static_cast<double>(model_->parameter_count()); }

 private:
  Tensor loss(const Tensors& inputs) {
    const WarpOptions warp{size_, size_, {0.5, 0.5, 0.5}, {0.2, 0.2, 0.2}, dtype_};
    const Tensor logits = outputs_of(*model_, warp_affine(inputs[0], inputs[1], warp));
    return binary_cross_entropy_with_logits(reshape(logits, {-1}), inputs[2], inputs[3]);
  }

  DType dtype_;
  std::int64_t size_;
  std::unique_ptr<Module> model_;
  std::unique_ptr<Adam> optimizer_;
  std::unique_ptr<TrainingStep> step_;
  TrainingBatch batch_;
};

void print(const std::map<std::string, Work>& by_kind, const RooflineOptions& options) {
  std::printf("%-34s %6s %9s %10s %11s %9s\n", "", "calls", "launches", "GB", "GFLOP", "ms");
  Work total;
  double convolutions = 0;
  for (const auto& [kind, work] : by_kind) {
    std::printf("%-34s %6d %9lld %10.3f %11.1f %9.3f\n", kind.c_str(), work.calls,
                static_cast<long long>(work.launches),
                (work.traffic.bytes + work.traffic.read_again) / 1e9, work.traffic.flops / 1e9,
                1e3 * work.seconds);
    total.calls += work.calls;
    total.launches += work.launches;
    total.traffic += work.traffic;
    total.seconds += work.seconds;
    total.seconds_read_once += work.seconds_read_once;
    if (kind.starts_with("conv2d")) convolutions += work.seconds;
  }
  std::printf("%-34s %6d %9lld %10.3f %11.1f %9.3f\n", "all", total.calls,
              static_cast<long long>(total.launches),
              (total.traffic.bytes + total.traffic.read_again) / 1e9, total.traffic.flops / 1e9,
              1e3 * total.seconds);
  const auto images = static_cast<double>(options.batch);
  std::printf(
      "\nimages per second at most: %.0f; if norms read their input once %.0f; "
      "convolutions only %.0f\n",
      images / total.seconds, images / total.seconds_read_once, images / convolutions);
}

void measure(const RooflineOptions& options) {
  cuda_emulator::set_dry(true);
  const Device device = Device::cuda();
  Step step(options, device);
  step.run();  // fills caches and tables
  CountTraffic count({options.bandwidth, options.flops},
                     [] { return cuda_emulator::counts().launches; });
  step.run();
  // Backward ends with one launch that casts the gradients of all filters.
  if (options.precision == "bf16") count.add("cast of filter gradients", {}, 1);
  // Adam reads gradient, parameter and both moments and writes the last three; the norm reads the
  // gradient first. All are f32.
  count.add("norm of the gradient, Adam", {(4 + 7 * 4) * step.parameters()});
  std::printf("%s, %lld px, batch %lld, %s; %.3g TB/s, %.3g TFLOP/s\n\n", options.arch.c_str(),
              static_cast<long long>(options.size), static_cast<long long>(options.batch),
              options.precision.c_str(), options.bandwidth / 1e12, options.flops / 1e12);
  print(count.by_kind(), options);
}

}  // namespace
}  // namespace osteon

int main(int argc, char** argv) {
  CLI::App app("The lower bound of a training step's cost on a GPU: bytes, arithmetic, launches",
               "roofline");
  app.option_defaults()->always_capture_default();
  osteon::RooflineOptions options;
  app.add_option("--arch", options.arch, "as for train_mura");
  app.add_option("--size", options.size, "side of the images in pixels")
      ->check(CLI::Range(16, 4096));
  app.add_option("--batch", options.batch, "images per step")->check(CLI::Range(2, 65536));
  app.add_option("--precision", options.precision, "fp32, tf32, bf16");
  app.add_option("--bandwidth", options.bandwidth, "bytes per second of the device's memory")
      ->check(CLI::PositiveNumber);
  app.add_option("--flops", options.flops, "multiplications and additions per second")
      ->check(CLI::PositiveNumber);
  return osteon::run_app(app, argc, argv, [&] { osteon::measure(options); });
}
