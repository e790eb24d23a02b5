// bench_roof: the upper bound of bench_model on a CPU: oneDNN's convolutions of the model alone, on
// images in nhwc and weights in oneDNN's preferred layout, each in its own buffer as in the model.
// Prints one line of JSON; --layers prints a table of the convolutions first.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <dnnl.hpp>
#include <iostream>
#include <nlohmann/json.hpp>
#include <unordered_map>

#include "apps/app.h"
#include "base/parallel.h"
#include "bench/convolutions.h"
#include "ops/onednn/versions.h"

namespace osteon {
namespace {

using Clock = std::chrono::steady_clock;
using dnnl::memory;
using Tag = memory::format_tag;

struct BenchOptions {
  std::string arch = "resnet50", mode = "train", precision = "fp32";
  std::int64_t image_size = 224, batch_size = 16;
  int steps = 10, warmup = 2, threads = 0;
  bool layers = false;
};

// One primitive with its arguments, and its seconds in each step.
struct Job {
  const char* pass;
  std::string implementation;
  dnnl::primitive primitive;
  std::unordered_map<int, memory> arguments;
  std::vector<double> seconds;

  double median() const {
    std::vector<double> sorted = seconds;
    std::ranges::sort(sorted);
    return sorted[sorted.size() / 2];
  }
};

class Roof {
 public:
  explicit Roof(const BenchOptions& options)
      : options_(options),
        type_(options.precision == "bf16" ? memory::data_type::bf16 : memory::data_type::f32),
        convolutions_(convolutions_of(options.arch, options.image_size, options.batch_size)) {
    for (std::size_t i = 0; i < convolutions_.size(); ++i) add(convolutions_[i], i == 0);
  }

  double step(bool measured) {
    const auto begin = Clock::now();
    for (std::vector<Job>& jobs : jobs_)
      for (Job& job : jobs) {
        const auto start = Clock::now();
        job.primitive.execute(stream_, job.arguments);
        stream_.wait();
        if (measured)
          job.seconds.push_back(std::chrono::duration<double>(Clock::now() - start).count());
      }
    return std::chrono::duration<double>(Clock::now() - begin).count();
  }

  double seconds_of(std::string_view pass) const {
    double total = 0;
    for (const std::vector<Job>& jobs : jobs_)
      for (const Job& job : jobs)
        if (job.pass == pass) total += job.median();
    return total;
  }

  void print_layers() const {
    for (std::size_t i = 0; i < jobs_.size(); ++i) {
      const Convolution& conv = convolutions_[i];
      const double flops =
          2.0 * static_cast<double>(conv.y.numel() * (conv.weight.numel() / conv.weight[0]));
      for (const Job& job : jobs_[i])
        std::printf("%-20s %-16s /%lld  %-8s %8.3f ms %8.1f GFLOP/s  %s\n", format(conv.x).c_str(),
                    format(conv.weight).c_str(), static_cast<long long>(conv.options.stride.height),
                    job.pass, 1e3 * job.median(), 1e-9 * flops / job.median(),
                    job.implementation.c_str());
    }
  }

 private:
  memory image(const Shape& s) {
    const memory m({{s[0], s[3], s[1], s[2]}, type_, Tag::nhwc}, engine_);
    auto* bytes = static_cast<unsigned char*>(m.get_data_handle());
    std::fill(bytes, bytes + m.get_desc().get_size(), static_cast<unsigned char>(0x3C));
    return m;
  }

  // The first convolution's input is the image batch, which needs no gradient.
  void add(const Convolution& conv, bool first) {
    const memory x = image(conv.x), y = image(conv.y);
    const Shape& w = conv.weight;
    OSTEON_CHECK(conv.options.groups == 1, "bench_roof: grouped convolutions are not measured");
    const memory::desc weight({w[0], w[3], w[1], w[2]}, type_, Tag::any);
    const memory::dims stride{conv.options.stride.height, conv.options.stride.width};
    const Padding& padding = conv.options.padding;
    const memory::dims begin{padding.top, padding.left}, end{padding.bottom, padding.right};
    const auto algorithm = dnnl::algorithm::convolution_direct;
    const bool training = options_.mode == "train";
    const dnnl::primitive_attr attributes;
    using Forward = dnnl::convolution_forward;
    const auto forward = onednn::describe<Forward>(
        engine_, attributes,
        training ? dnnl::prop_kind::forward_training : dnnl::prop_kind::forward_inference,
        algorithm, x.get_desc(), weight, y.get_desc(), stride, begin, end);
    std::vector<Job>& jobs = jobs_.emplace_back();
    jobs.push_back(
        {"forward",
         forward.impl_info_str(),
         Forward(forward),
         {{DNNL_ARG_SRC, x}, {DNNL_ARG_WEIGHTS, filled(forward.weights_desc())}, {DNNL_ARG_DST, y}},
         {}});
    if (!training) return;
    if (!first) {
      using Data = dnnl::convolution_backward_data;
      const auto desc =
          onednn::describe_backward<Data>(engine_, attributes, forward, algorithm, x.get_desc(),
                                          weight, y.get_desc(), stride, begin, end);
      jobs.push_back({"data",
                      desc.impl_info_str(),
                      Data(desc),
                      {{DNNL_ARG_DIFF_DST, y},
                       {DNNL_ARG_WEIGHTS, filled(desc.weights_desc())},
                       {DNNL_ARG_DIFF_SRC, image(conv.x)}},
                      {}});
    }
    using Weights = dnnl::convolution_backward_weights;
    const memory::desc gradient(onednn::dims_of(weight), memory::data_type::f32, Tag::any);
    const auto desc =
        onednn::describe_backward<Weights>(engine_, attributes, forward, algorithm, x.get_desc(),
                                           gradient, y.get_desc(), stride, begin, end);
    jobs.push_back({"weights",
                    desc.impl_info_str(),
                    Weights(desc),
                    {{DNNL_ARG_DIFF_DST, y},
                     {DNNL_ARG_SRC, x},
                     {DNNL_ARG_DIFF_WEIGHTS, memory(desc.diff_weights_desc(), engine_)}},
                    {}});
  }

  memory filled(const memory::desc& desc) {
    const memory m(desc, engine_);
    auto* bytes = static_cast<unsigned char*>(m.get_data_handle());
    std::fill(bytes, bytes + desc.get_size(), static_cast<unsigned char>(0x3C));
    return m;
  }

  const BenchOptions options_;
  const memory::data_type type_;
  dnnl::engine engine_{dnnl::engine::kind::cpu, 0};
  dnnl::stream stream_{engine_};
  std::vector<Convolution> convolutions_;
  std::vector<std::vector<Job>> jobs_;  // of each convolution
};

void measure(const BenchOptions& options) {
  if (options.threads > 0) set_num_threads(options.threads);
  Roof roof(options);
  for (int i = 0; i < options.warmup; ++i) roof.step(false);
  std::vector<double> seconds;
  for (int i = 0; i < options.steps; ++i) seconds.push_back(roof.step(true));
  std::ranges::sort(seconds);
  const double median = seconds[seconds.size() / 2];
  if (options.layers) roof.print_layers();
  const nlohmann::ordered_json line = {
      {"arch", options.arch},
      {"mode", options.mode},
      {"image_size", options.image_size},
      {"batch_size", options.batch_size},
      {"precision", options.precision},
      {"images_per_second", static_cast<double>(options.batch_size) / median},
      {"median_step_seconds", median},
      {"forward_seconds", roof.seconds_of("forward")},
      {"data_seconds", roof.seconds_of("data")},
      {"weights_seconds", roof.seconds_of("weights")}};
  std::cout << line.dump() << "\n";
}

}  // namespace
}  // namespace osteon

int main(int argc, char** argv) {
  CLI::App app("Measures the convolutions of a model alone, on oneDNN; prints one line of JSON",
               "bench_roof");
  app.option_defaults()->always_capture_default();
  osteon::BenchOptions options;
  app.add_option("--arch", options.arch, "as for train_mura");
  app.add_option("--mode", options.mode, "train: forward and both gradients; infer: forward")
      ->check(CLI::IsMember({"train", "infer"}));
  app.add_option("--image-size", options.image_size, "side of the images in pixels")
      ->check(CLI::Range(16, 4096));
  app.add_option("--batch-size", options.batch_size, "images per step")->check(CLI::PositiveNumber);
  app.add_option("--precision", options.precision, "fp32, bf16")
      ->check(CLI::IsMember({"fp32", "bf16"}));
  app.add_option("--steps", options.steps, "measured steps; the median is reported")
      ->check(CLI::PositiveNumber);
  app.add_option("--warmup", options.warmup, "steps before the measured ones")
      ->check(CLI::PositiveNumber);
  app.add_option("--threads", options.threads, "threads that compute; 0: all cores");
  app.add_flag("--layers", options.layers, "print each convolution before the line of JSON");
  return osteon::run_app(app, argc, argv, [&] { osteon::measure(options); });
}
