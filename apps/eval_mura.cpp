// eval_mura: evaluates a trained model on a data set.
#include <iostream>
#include <numeric>
#include <optional>

#include "apps/app.h"
#include "train/evaluation.h"
#include "train/options.h"
#include "train/results.h"
#include "train/run_data.h"

namespace {

struct EvalOptions {
  std::filesystem::path checkpoint, data, out;
  std::string dataset = "auto", positive, split = "test";
  std::vector<std::string> parts;
  std::optional<std::uint64_t> split_seed;
  std::optional<double> val_fraction, threshold;
  std::int64_t batch_size = 32, limit = 0;
  double max_bad = 0.01;
  int workers = 2, threads = 0;
  std::string device = "auto", backend = "auto", precision = "fp32";
  bool quiet = false;
};

void add_options(CLI::App& app, EvalOptions& options) {
  app.add_option("--checkpoint", options.checkpoint,
                 "folder of a run or checkpoint, or a model.safetensors")
      ->required();
  app.add_option("--data", options.data, "data set: a folder, or a CSV file")->required();
  app.add_option("--out", options.out, "folder for metrics.json, predictions.csv and studies.csv")
      ->required();
  app.add_option("--split", options.split, "test, val, train, all")
      ->check(CLI::IsMember({"test", "val", "train", "all"}));
  app.add_option("--threshold", options.threshold,
                 "probability from which on an image is abnormal (default: the checkpoint's)")
      ->check(CLI::Range(0.0, 1.0));
  app.add_option("--dataset", options.dataset, "auto, mura, fracatlas, folder, csv");
  app.add_option("--positive", options.positive, "name of the positive (abnormal) class");
  app.add_option("--parts", options.parts, "body parts to keep")->delimiter(',');
  app.add_option("--split-seed", options.split_seed, "as for train_mura (default: the training's)");
  app.add_option("--val-fraction", options.val_fraction,
                 "share of patients for validation (default: the training's)");
  app.add_option("--limit", options.limit, "at most so many images of each split; 0: all");
  app.add_option("--max-bad", options.max_bad, "share of unreadable images that is put up with");
  app.add_option("--batch-size", options.batch_size, "images a batch")->check(CLI::PositiveNumber);
  app.add_option("--workers", options.workers, "threads that prepare data")
      ->check(CLI::NonNegativeNumber);
  app.add_option("--device", options.device, "auto, cpu, cuda, cuda:N");
  app.add_option("--backend", options.backend, "auto, reference: which CPU kernels");
  app.add_option("--precision", options.precision, "fp32, tf32, bf16");
  app.add_option("--threads", options.threads, "threads that compute; 0: all cores");
  app.add_flag("--quiet", options.quiet, "no progress, only the result");
}

osteon::Manifest selected_samples(const EvalOptions& options, const osteon::SplitOrigin& origin) {
  osteon::Manifest manifest = osteon::read_manifest(
      options.data, {.dataset = options.dataset,
                     .positive = options.positive,
                     .parts = options.parts,
                     .val_fraction = options.val_fraction.value_or(origin.val_fraction),
                     .seed = options.split_seed.value_or(origin.seed)});
  osteon::limit_splits(manifest, options.limit, options.split_seed.value_or(origin.seed));
  if (options.split != "all")
    std::erase_if(manifest.samples, [&](const osteon::Sample& sample) {
      return osteon::split_name(sample.split) != options.split;
    });
  OSTEON_CHECK(!manifest.samples.empty(), options.data.string(), ": the split ", options.split,
               " is empty; choose another --split");
  return manifest;
}

void evaluate(const EvalOptions& options) {
  osteon::configure_process(options.device, options.backend, options.threads);
  const osteon::DType dtype = osteon::activation_dtype(options.precision);
  osteon::Progress progress(options.quiet);
  osteon::TrainedModel trained = osteon::load_model(options.checkpoint);
  if (options.threshold) trained.info.threshold = *options.threshold;
  osteon::Manifest manifest = selected_samples(options, trained.info.split);
  for (const std::string& warning : manifest.warnings) progress.line("warning: " + warning);
  const osteon::PreparedImages data =
      osteon::prepare_with_progress(manifest,
                                    {.image_size = trained.info.image_size,
                                     .fit = trained.info.fit,
                                     .cache = "memory",
                                     .workers = options.workers,
                                     .max_bad = options.max_bad},
                                    progress);
  std::vector<std::int64_t> indices(data.manifest.samples.size());
  std::iota(indices.begin(), indices.end(), 0);
  osteon::print_table(
      std::cout, osteon::evaluate_model(
                     trained, data, indices,
                     {.batch_size = options.batch_size, .workers = options.workers, .dtype = dtype},
                     options.out, progress));
  std::cout << "\nresults in " << options.out.string() << "\n";
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app("Evaluates a trained model: figures per image, per study and per body part",
               "eval_mura");
  app.option_defaults()->always_capture_default();
  EvalOptions options;
  add_options(app, options);
  return osteon::run_app(app, argc, argv, [&] { evaluate(options); });
}
