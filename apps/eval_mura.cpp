// eval_mura: evaluates a trained model on a data set.
#include <iostream>
#include <optional>

#include "apps/app.h"
#include "data/prepare.h"
#include "eval/calibration.h"
#include "eval/evaluation.h"
#include "eval/machine.h"

namespace {

struct EvalOptions {
  std::vector<std::filesystem::path> checkpoints;
  std::filesystem::path data, out, compare, save_model, audit;
  std::string dataset = "auto", positive, split = "test";
  std::vector<std::string> parts;
  std::optional<std::uint64_t> split_seed;
  std::optional<double> val_fraction;
  std::string threshold = "checkpoint", temperature = "checkpoint", tta = "none";
  std::int64_t bootstrap = 1000;
  std::uint64_t seed = 0;
  std::int64_t batch_size = 32, limit = 0;
  double max_bad = 0.01;
  int workers = 2, threads = 0;
  std::string device = "auto", backend = "auto", precision = "fp32";
  bool quiet = false;
};

void add_options(CLI::App& app, EvalOptions& options) {
  app.add_option("--checkpoint", options.checkpoints,
                 "folder of a run or checkpoint, or a model.safetensors; several are averaged")
      ->required();
  app.add_option("--data", options.data, "data set: a folder, or a CSV file")->required();
  app.add_option("--out", options.out,
                 "folder for metrics.json, predictions.csv, studies.csv and report.html")
      ->required();
  app.add_option("--split", options.split, "test, val, train, all")
      ->check(CLI::IsMember({"test", "val", "train", "all"}));
  app.add_option(
      "--threshold", options.threshold,
      "probability from which on an image is abnormal: a number, val or val-f1 (chosen on "
      "the validation split by Youden's index or F1), or checkpoint (what is stored there)");
  app.add_option("--temperature", options.temperature,
                 "what logits are divided by: a number, val (fitted on the validation split), or "
                 "checkpoint");
  app.add_option("--save-model", options.save_model,
                 "write the checkpoint with the threshold and temperature used here to this file");
  app.add_option("--bootstrap", options.bootstrap, "draws of the 95 % intervals; 0: none")
      ->check(CLI::Range(0, 100'000));
  app.add_option("--seed", options.seed, "of the bootstrap");
  app.add_option("--compare", options.compare,
                 "folder of another evaluation of the same images: differences with intervals");
  app.add_option("--audit", options.audit,
                 "JSON file that audit_data wrote of this data: a section of the report");
  app.add_option("--tta", options.tta, "none, flip: average each image and its mirror image")
      ->check(CLI::IsMember({"none", "flip"}));
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

bool uses_validation(const EvalOptions& options) {
  return options.temperature == "val" || options.threshold.starts_with("val");
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
      return osteon::split_name(sample.split) != options.split &&
             !(uses_validation(options) && sample.split == osteon::Split::val);
    });
  return manifest;
}

// The indices of a split by its name, or of all samples.
std::vector<std::int64_t> indices_of(const osteon::Manifest& manifest, const std::string& split) {
  std::vector<std::int64_t> indices;
  for (std::size_t i = 0; i < manifest.samples.size(); ++i)
    if (split == "all" || osteon::split_name(manifest.samples[i].split) == split)
      indices.push_back(static_cast<std::int64_t>(i));
  return indices;
}

void check_options(const EvalOptions& options) {
  if (options.threshold != "checkpoint") osteon::parse_threshold(options.threshold);
  if (options.temperature != "checkpoint") osteon::parse_temperature(options.temperature);
  if (!options.save_model.empty() && options.checkpoints.size() > 1)
    throw osteon::UsageError("--save-model writes one model; give one --checkpoint");
}

// What decides for the models, with the threshold that the options ask for.
osteon::ModelInfo decision_for(const EvalOptions& options,
                               std::span<const osteon::TrainedModel> models,
                               const osteon::PreparedImages& data,
                               const osteon::EvaluationOptions& evaluation,
                               osteon::Progress& progress) {
  osteon::ModelInfo info = osteon::decision_of(models);
  if (options.threshold == "checkpoint") return info;
  const std::vector<std::int64_t> validation = indices_of(data.manifest, "val");
  const osteon::ImageValues predictions =
      osteon::parse_threshold(options.threshold)
          ? osteon::ImageValues{}
          : osteon::predict_samples(models, data, validation, evaluation, progress);
  osteon::task_of(info)->set_threshold(info, options.threshold, {data.manifest, validation},
                                       predictions);
  return info;
}

void evaluate(const EvalOptions& options) {
  check_options(options);
  const osteon::Device device = osteon::configure_process(options.device, options.backend,
                                                          options.precision, options.threads);
  const osteon::EvaluationOptions evaluation{
      .inference = {.batch_size = options.batch_size,
                    .workers = options.workers,
                    .dtype = osteon::activation_dtype(options.precision, device)},
      .flip = options.tta == "flip",
      .bootstrap = {.draws = options.bootstrap, .seed = options.seed},
      .compare = options.compare,
      .report = {.split = options.split,
                 .precision = options.precision,
                 .checkpoints = options.checkpoints,
                 .audit = options.audit}};
  osteon::Progress progress(options.quiet);
  std::vector<osteon::TrainedModel> models;
  for (const auto& checkpoint : options.checkpoints)
    models.push_back(osteon::load_model(checkpoint, device));
  const osteon::ModelInfo& first = models.front().info;
  osteon::Manifest manifest = selected_samples(options, first.split);
  osteon::check_together(models);
  osteon::task_of(first)->check_classes(manifest.classes, !options.positive.empty());
  OSTEON_CHECK(!indices_of(manifest, options.split).empty(), options.data.string(), ": the split ",
               options.split, " is empty; choose another --split");
  for (const std::string& warning : manifest.warnings) progress.line("warning: " + warning);
  const osteon::PreparedImages data = osteon::prepare_with_progress(manifest,
                                                                    {.image_size = first.image_size,
                                                                     .fit = first.fit,
                                                                     .cache = "memory",
                                                                     .workers = options.workers,
                                                                     .max_bad = options.max_bad},
                                                                    progress);
  if (options.temperature != "checkpoint")
    for (osteon::TrainedModel& trained : models)
      osteon::set_temperature(trained, options.temperature, data, indices_of(data.manifest, "val"),
                              evaluation.inference);
  const osteon::ModelInfo info = decision_for(options, models, data, evaluation, progress);
  osteon::evaluate_models(models, info, data, indices_of(data.manifest, options.split), evaluation,
                          options.out, progress)
      ->print(std::cout);
  if (!options.save_model.empty())
    osteon::write_safetensors(options.save_model,
                              osteon::to_model_file(*models.front().model, info));
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
