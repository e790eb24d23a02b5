// bench_convolutions: times each kernel of ops/convolution/candidates.h on the convolutions of
// networks and on depthwise convolutions, in f32, as training calls them: no copy of filters is
// kept. Prints a table; --write puts its rows into ops/convolution/measured.inc, from which
// `--backend auto` chooses.
#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <limits>
#include <map>
#include <tuple>

#include "apps/app.h"
#include "base/file.h"
#include "base/parallel.h"
#include "base/text.h"
#include "bench/convolution_errors.h"
#include "bench/convolutions.h"
#include "bench/measure_peak.h"
#include "bench/measurements.h"
#include "nn/init.h"

namespace osteon {
namespace {

using convolution::Call;
using convolution::candidate;
using convolution::Direction;
using convolution::Kernel;
using convolution::kKernels;
using convolution::Measured;
using convolution::Speeds;
using Clock = std::chrono::steady_clock;

constexpr Direction kDirections[] = {Direction::forward, Direction::backward_input,
                                     Direction::backward_weight};

struct BenchOptions {
  std::vector<std::string> networks = {"resnet18@224", "resnet50@224", "resnet18@64", "resnet50@64",
                                       "depthwise"};
  std::int64_t batch_size = 16;
  int rounds = 5, threads = 0;
  std::filesystem::path write;
  bool errors = false;
};

// 3x3: of MobileNetV2; 5x5: of MobileNetV3; 7x7: of ConvNeXt.
struct Depthwise {
  std::int64_t side, channels, kernel, stride;
};
constexpr Depthwise kDepthwise[] = {
    {112, 32, 3, 1}, {112, 96, 3, 2}, {56, 144, 3, 1}, {56, 144, 3, 2}, {28, 192, 3, 1},
    {28, 192, 3, 2}, {14, 384, 3, 1}, {14, 576, 3, 1}, {14, 576, 3, 2}, {7, 960, 3, 1},
    {56, 72, 5, 2},  {28, 120, 5, 1}, {14, 480, 5, 1}, {7, 960, 5, 1},  {56, 96, 7, 1},
    {28, 192, 7, 1}, {14, 384, 7, 1}, {7, 768, 7, 1}};

std::vector<Convolution> depthwise_convolutions(std::int64_t batch) {
  std::vector<Convolution> all;
  for (const auto& [side, channels, kernel, stride] : kDepthwise) {
    const std::int64_t outputs = (side - 1) / stride + 1;
    all.push_back({{batch, side, side, channels},
                   {channels, kernel, kernel, 1},
                   {batch, outputs, outputs, channels},
                   {.stride = stride, .padding = kernel / 2, .groups = channels}});
  }
  return all;
}

// "resnet50@224" or "depthwise".
std::vector<Convolution> layers_of(const std::string& network, std::int64_t batch) {
  if (network == "depthwise") return depthwise_convolutions(batch);
  const std::vector<std::string> parts = split_text(network, '@');
  const auto is_digit = [](char c) { return c >= '0' && c <= '9'; };
  if (parts.size() != 2 || parts[1].empty() || parts[1].size() > 4 ||
      !std::ranges::all_of(parts[1], is_digit))
    throw UsageError(format("--networks ", network, ": not of the form ARCH@PIXELS or depthwise"));
  return convolutions_of(parts[0], std::stoll(parts[1]), batch);
}

// Times all kernels in turn. Other load only makes a measurement longer, so the shortest counts.
// Returns seconds; 0 for a kernel that cannot compute it.
Speeds seconds_of(const Call& call, int rounds) {
  constexpr double kShort = 2e-3;  // of a measurement
  Speeds best{};
  std::array<int, kKernels> times{};
  const auto measured = [&](std::size_t kernel) {
    const auto begin = Clock::now();
    for (int i = 0; i < times[kernel]; ++i) candidate(static_cast<Kernel>(kernel)).run(call);
    return std::chrono::duration<double>(Clock::now() - begin).count() / times[kernel];
  };
  for (std::size_t i = 0; i < kKernels; ++i) {
    const auto& kernel = candidate(static_cast<Kernel>(i));
    if (!kernel.supports(call.problem()) || !kernel.run(call)) continue;
    times[i] = 1;
    best[i] = measured(i);
    times[i] = static_cast<int>(std::clamp(kShort / best[i], 1.0, 100.0));
  }
  for (int round = 0; round < rounds; ++round)
    for (std::size_t i = 0; i < kKernels; ++i)
      if (times[i] > 0) best[i] = std::min(best[i], measured(i));
  return best;
}

Tensor random(const Shape& shape) {
  const Tensor x(shape, DType::f32);
  uniform_(x, 1, {.seed = 1, .stream = 0});
  return x;
}

// A convolution with the seconds of each kernel in each direction.
struct Timed {
  Convolution conv;
  std::array<Speeds, 3> seconds;

  double flops() const {
    return 2.0 * static_cast<double>(conv.y.numel() * (conv.weight.numel() / conv.weight[0]));
  }
  // x and y once; filters are small.
  double bytes() const { return 4.0 * static_cast<double>(conv.x.numel() + conv.y.numel()); }
  std::string kind() const {
    return format(conv.weight[1], "x", conv.weight[2], " s", conv.options.stride.height,
                  conv.options.groups == 1 ? "" : " depthwise");
  }
};

Timed timed(const Convolution& conv, int rounds) {
  const Tensor x = random(conv.x), weight = random(conv.weight), y = random(conv.y);
  Timed result{conv, {}};
  for (std::size_t d = 0; d < std::size(kDirections); ++d)
    result.seconds[d] = seconds_of(
        {kDirections[d], x, weight, y, Tensor(), Tensor(), Activation::none, conv.options}, rounds);
  return result;
}

double least(const Speeds& seconds) {
  double best = std::numeric_limits<double>::infinity();
  for (const double each : seconds)
    if (each > 0) best = std::min(best, each);
  return best;
}

void print_names() {
  for (std::size_t i = 0; i < kKernels; ++i)
    std::printf("  %14s", candidate(static_cast<Kernel>(i)).name);
}

void print_errors(const std::vector<Timed>& all) {
  std::printf("\n%-57s", "");
  print_names();
  std::printf("\n");
  for (const Direction direction : kDirections)
    for (const Timed& each : all) {
      std::printf("%-15s  %-16s  %4lld  %8lld  %7lld", name_of(direction), each.kind().c_str(),
                  static_cast<long long>(each.conv.y[1]), static_cast<long long>(each.conv.x[3]),
                  static_cast<long long>(each.conv.weight[0]));
      for (const double error : relative_errors(each.conv, direction))
        if (error > 0)
          std::printf("  %14.1e", error);
        else
          std::printf("  %14s", "-");
      std::printf("\n");
    }
  std::printf("differences from float64, relative to the results (root mean squares)\n");
}

// GFLOP/s and the share of the peak; for depthwise the share of the speed of a copy, by which it is
// bound.
void print(const std::vector<Timed>& all, double peak, double bandwidth) {
  std::printf("%-15s  %-16s  %4s  %8s  %7s", "", "", "side", "channels", "filters");
  print_names();
  std::printf("\n");
  for (std::size_t d = 0; d < std::size(kDirections); ++d)
    for (const Timed& each : all) {
      std::printf("%-15s  %-16s  %4lld  %8lld  %7lld", name_of(kDirections[d]), each.kind().c_str(),
                  static_cast<long long>(each.conv.y[1]), static_cast<long long>(each.conv.x[3]),
                  static_cast<long long>(each.conv.weight[0]));
      const bool is_bound_by_memory = each.conv.options.groups > 1;
      for (const double seconds : each.seconds[d]) {
        const double share = is_bound_by_memory ? each.bytes() / bandwidth / seconds
                                                : 1e-9 * each.flops() / peak / seconds;
        if (seconds > 0)
          std::printf("  %7.1f (%3.0f%%)", 1e-9 * each.flops() / seconds, 100 * share);
        else
          std::printf("  %14s", "-");
      }
      std::printf("\n");
    }
  std::printf(
      "GFLOP/s, and the share of the peak of the multiply-add units, %.1f GFLOP/s; of "
      "depthwise, the share of the speed of a copy, %.1f GB/s\n",
      peak, 1e-9 * bandwidth);
}

// A network's milliseconds by kind, each layer as often as it occurs. `layers` are indices.
void print_sums(const std::string& network, const std::vector<std::size_t>& layers,
                const std::vector<Timed>& all) {
  std::printf("\n%-32s", network.c_str());
  print_names();
  std::printf("  %14s\n", "fastest");
  for (std::size_t d = 0; d < std::size(kDirections); ++d) {
    std::map<std::string, std::pair<Speeds, double>> by_kind;
    for (const std::size_t layer : layers) {
      const Timed& each = all[layer];
      // Images need no gradient.
      if (kDirections[d] == Direction::backward_input && each.conv.x[3] == 3) continue;
      for (const std::string& kind : {each.kind(), std::string("all")}) {
        auto& [sums, fastest] = by_kind[kind];
        for (std::size_t i = 0; i < kKernels; ++i)  // a kernel that cannot is not summed
          sums[i] += each.seconds[d][i] > 0 ? each.seconds[d][i]
                                            : std::numeric_limits<double>::quiet_NaN();
        fastest += least(each.seconds[d]);
      }
    }
    for (const auto& [kind, sums] : by_kind) {
      std::printf("%-15s  %-15s", name_of(kDirections[d]), kind.c_str());
      for (const double sum : sums.first)
        if (std::isnan(sum))
          std::printf("  %14s", "-");
        else
          std::printf("  %11.2f ms", 1e3 * sum);
      std::printf("  %11.2f ms\n", 1e3 * sums.second);
    }
  }
}

std::vector<Measured> rows_of(const std::vector<Timed>& all) {
  std::vector<Measured> rows;
  for (std::size_t d = 0; d < std::size(kDirections); ++d)
    for (const Timed& each : all) {
      const Convolution& conv = each.conv;
      const auto pixels = static_cast<double>(conv.y[1] * conv.y[2]);
      rows.push_back({convolution::measured_set(), kDirections[d], conv.weight[1],
                      conv.options.stride.height, std::llround(std::sqrt(pixels)), conv.x[3],
                      conv.weight[0], conv.options.groups, Speeds{}});
      for (std::size_t i = 0; i < kKernels; ++i)
        if (each.seconds[d][i] > 0)
          rows.back().speeds[i] = 1e-9 * each.flops() / each.seconds[d][i];
    }
  std::ranges::stable_sort(rows, std::less(), [](const Measured& row) {
    return std::tuple(row.direction, row.groups > 1, row.kernel, row.stride, -row.side,
                      row.channels, row.filters);
  });
  return rows;
}

void write_rows(const std::filesystem::path& path, const std::vector<Measured>& rows) {
  std::ifstream file(path, std::ios::binary);
  const std::string before{std::istreambuf_iterator<char>(file), {}};
  write_file_atomically(path, with_rows(before, rows));
}

void measure(const BenchOptions& options) {
  if (options.threads > 0) set_num_threads(options.threads);
  std::vector<Timed> all;
  std::map<std::string, std::vector<std::size_t>> layers;
  std::map<std::string, std::size_t> known;
  const double peak = peak_f32_gflops(), bandwidth = copy_bandwidth();
  for (const std::string& network : options.networks)
    for (const Convolution& conv : layers_of(network, options.batch_size)) {
      const std::string key =
          format(conv.x, conv.weight, conv.options.stride.height, conv.options.groups);
      const auto [found, is_new] = known.try_emplace(key, all.size());
      if (is_new) all.push_back(timed(conv, options.rounds));
      layers[network].push_back(found->second);
    }
  print(all, peak, bandwidth);
  for (const std::string& network : options.networks) print_sums(network, layers[network], all);
  if (options.errors) print_errors(all);
  if (!options.write.empty()) write_rows(options.write, rows_of(all));
}

}  // namespace
}  // namespace osteon

int main(int argc, char** argv) {
  CLI::App app(
      "Times the kernels of convolutions in fp32 on the CPU, with the instruction set in use",
      "bench_convolutions");
  app.option_defaults()->always_capture_default();
  osteon::BenchOptions options;
  app.add_option("--networks", options.networks,
                 "ARCH@PIXELS: the convolutions of a network; depthwise: a list of those")
      ->delimiter(',');
  app.add_option("--batch-size", options.batch_size, "images")->check(CLI::Range(1, 4096));
  app.add_option("--rounds", options.rounds, "measurements of each kernel; the shortest counts")
      ->check(CLI::PositiveNumber);
  app.add_option("--threads", options.threads, "threads that compute; 0: all cores");
  app.add_flag("--errors", options.errors,
               "compare the results with float64, which takes much longer than the timing");
  app.add_option("--write", options.write,
                 "a table of measurements; its rows of this instruction set are replaced");
  return osteon::run_app(app, argc, argv, [&] { osteon::measure(options); });
}
