// eval_mura: evaluates a trained model on a data set.
#include <algorithm>
#include <iostream>
#include <optional>

#include "apps/app.h"
#include "base/output_path.h"
#include "base/progress.h"
#include "comm/process_group.h"
#include "data/data_options.h"
#include "data/folds.h"
#include "data/prepare.h"
#include "eval/calibration.h"
#include "eval/evaluation.h"
#include "eval/machine.h"
#include "eval/pool_folds.h"

namespace osteon {
namespace {

struct EvalOptions : MachineOptions {
  std::vector<std::filesystem::path> checkpoints;
  DataSets data;
  std::filesystem::path out, compare, save_model, audit;
  std::vector<std::filesystem::path> folds;  // runs
  std::string dataset = "auto", positive, split = "test", label_column;
  std::vector<std::string> parts;
  std::optional<std::uint64_t> split_seed;
  std::optional<double> val_fraction;
  std::string split_by = "checkpoint";
  std::string threshold = "checkpoint", temperature = "checkpoint", tta = "none";
  std::int64_t bootstrap = 1000;
  std::uint64_t seed = 0;
  std::int64_t batch_size = 32, limit = 0;
  double max_bad = 0.01;
  int workers = 2;
  bool quiet = false;
};

template <class Visit>
void for_each_option(EvalOptions& o, const Visit& visit) {
  using enum OptionGroup;
  const AnyValue any;
  const auto or_checkpoint = [](auto parse) {
    return AsParsedBy{[parse](const std::string& value) {
      if (value != "checkpoint") parse(value);
    }};
  };
  visit(kDataOption, o.data, any);
  visit(kDatasetOption, o.dataset, kDatasets);
  visit(OptionInfo{"label-column", data,
                   "column of the data set's list with the one label; empty: as in training"},
        o.label_column, any);
  visit(kPositiveOption, o.positive, any);
  visit(kPartsOption, o.parts, any);
  visit(OptionInfo{"split", data, "images to evaluate"}, o.split,
        OneOf{{"test", "val", "train", "all"}});
  visit(OptionInfo{"split-seed", data, "as for train_mura (default: as in training)"}, o.split_seed,
        any);
  visit(OptionInfo{"split-by", data,
                   "column whose values define the splits, as for train_mura; checkpoint: as in "
                   "training; none: none"},
        o.split_by, any);
  visit(OptionInfo{"val-fraction", data, "as for train_mura (default: as in training)"},
        o.val_fraction, any);
  visit(kLimitOption, o.limit, AtLeast{0});
  visit(kMaxBadOption, o.max_bad, InRange{0, 1});
  visit(OptionInfo{"batch-size", data, "images per batch"}, o.batch_size, AtLeast{1});
  visit(kWorkersOption, o.workers, AtLeast{0});

  visit(OptionInfo{"threshold", model,
                   "an image is abnormal from this probability on: a number, val or val-f1 (chosen "
                   "on the validation split by Youden's index or F1), or checkpoint (the stored "
                   "one)"},
        o.threshold, or_checkpoint(parse_threshold));
  visit(OptionInfo{"temperature", model,
                   "divisor of logits: a number, val (fitted on the validation split), or "
                   "checkpoint (the stored one)"},
        o.temperature, or_checkpoint(parse_temperature));
  visit(OptionInfo{"tta", model, "flip averages each image and its mirror image"}, o.tta,
        OneOf{{"none", "flip"}});
  visit(OptionInfo{"save-model", model,
                   "file for a copy of the model with the threshold and temperature of this "
                   "evaluation"},
        o.save_model, any);

  visit(
      OptionInfo{"out", run, "folder for metrics.json, predictions.csv, studies.csv, report.html"},
      o.out, any);
  visit(OptionInfo{"bootstrap", run, "bootstrap draws for the 95 % intervals; 0: no intervals"},
        o.bootstrap, InRange{0, 100'000});
  visit(OptionInfo{"seed", run, "seed of the bootstrap"}, o.seed, any);
  visit(OptionInfo{"compare", run,
                   "folder of another evaluation of the same images: differences with intervals"},
        o.compare, any);
  visit(
      OptionInfo{"audit", run, "JSON file of audit_data for this data, to be shown in the report"},
      o.audit, any);
  visit(OptionInfo{"quiet", run, "print only the result and warnings"}, o.quiet, any);
  for_each_machine_option(o, visit);
}

void add_options(CLI::App& app, EvalOptions& options) {
  app.add_option("--checkpoint", options.checkpoints,
                 "folder of a run or checkpoint, or a model.safetensors; several are averaged")
      ->group(name_of(OptionGroup::model));
  app.add_option(
         "--folds", options.folds,
         "instead of --checkpoint and --data: runs of train_mura --folds; their test images "
         "are evaluated together")
      ->group(name_of(OptionGroup::model));
  for_each_option(options, [&](const OptionInfo& info, auto& value, const auto& check) {
    add_option(app, info, value, check);
  });
  app.get_option("--out")->required();
}

// Runs have no use for the options about models and data.
void check_given(const CLI::App& app, const EvalOptions& options) {
  const std::vector<std::string> of_folds{"folds", "out", "bootstrap", "seed", "compare", "quiet"};
  for (const char* required : {"--checkpoint", "--data"})
    if (options.folds.empty() && app.count(required) == 0)
      throw UsageError(format(required, " is required, or --folds"));
  if (options.folds.empty()) return;
  for (const CLI::Option* given : app.parse_order())
    if (std::ranges::count(of_folds, given->get_single_name()) == 0)
      throw UsageError(format("--", given->get_single_name(),
                              ": --folds joins finished evaluations; leave it out"));
}

bool uses_validation(const EvalOptions& options) {
  return options.temperature == "val" || options.threshold.starts_with("val");
}

// The model's labels are columns of the data.
LabelColumns columns_of(const EvalOptions& options, const ModelInfo& info) {
  if (info.task == "multilabel") {
    if (!options.label_column.empty())
      throw UsageError(
          "--label-column: the model has several labels, which are columns of the same "
          "names; leave the option out");
    return {.many = info.classes};
  }
  return {.one = options.label_column.empty() ? info.label_column : options.label_column};
}

// The column that defines the splits; empty: none.
std::string split_column(const EvalOptions& options, const SplitOrigin& origin) {
  if (options.split_by == "checkpoint") return origin.split_by;
  return options.split_by == "none" ? "" : options.split_by;
}

Manifest selected_samples(const EvalOptions& options, const ModelInfo& info, Progress& progress) {
  const SplitOrigin& origin = info.split;
  Manifest manifest = read_manifests(
      options.data, {.dataset = options.dataset,
                     .task = info.task,
                     .columns = columns_of(options, info),
                     .classes = info.classes,
                     .positive = options.positive,
                     .split_by = split_column(options, origin),
                     .val_fraction = options.val_fraction.value_or(origin.val_fraction),
                     .seed = options.split_seed.value_or(origin.seed),
                     .names = origin.names});
  // With other splits of its own, the data are not those that the folds were drawn from.
  if (!manifest.has_own_splits)
    draw_folds(manifest, origin.folds, options.val_fraction.value_or(origin.val_fraction),
               options.split_seed.value_or(origin.seed), options.workers, progress);
  keep_parts(manifest, options.parts);  // the folds are those of all parts
  limit_splits(manifest, options.limit, options.split_seed.value_or(origin.seed));
  if (options.split != "all")
    std::erase_if(manifest.samples, [&](const Sample& sample) {
      return split_name(sample.split) != options.split &&
             !(uses_validation(options) && sample.split == Split::val);
    });
  return manifest;
}

// The indices of a split by its name, or of all samples.
std::vector<std::int64_t> indices_of(const Manifest& manifest, const std::string& split) {
  std::vector<std::int64_t> indices;
  for (std::size_t i = 0; i < manifest.samples.size(); ++i)
    if (split == "all" || split_name(manifest.samples[i].split) == split)
      indices.push_back(static_cast<std::int64_t>(i));
  return indices;
}

void check_options(EvalOptions& options) {
  for_each_option(options, [](const OptionInfo& info, const auto& value, const auto& check) {
    check_option(info.name, value, check);
  });
  if (!options.save_model.empty() && options.checkpoints.size() > 1)
    throw UsageError("--save-model writes one model; give one --checkpoint");
  for (const DataSet& set : options.data) check_outside_data("out", options.out, set.path);
  check_can_fill_folder("out", options.out);
  if (!options.save_model.empty()) check_can_write_file("save-model", options.save_model);
}

// The threshold and temperature of the models, with the threshold that the options choose.
ModelInfo decision_for(const EvalOptions& options, std::span<const TrainedModel> models,
                       const PreparedImages& data, const EvaluationOptions& evaluation,
                       Progress& progress) {
  ModelInfo info = decision_of(models);
  if (options.threshold == "checkpoint") return info;
  const std::vector<std::int64_t> validation = indices_of(data.manifest, "val");
  const ImageValues predictions =
      parse_threshold(options.threshold)
          ? ImageValues{}
          : predict_samples(models, data, validation, evaluation, progress);
  task_of(info)->set_threshold(info, options.threshold, {data.manifest, validation}, predictions);
  return info;
}

void pool(EvalOptions& options) {
  for_each_option(options, [](const OptionInfo& info, const auto& value, const auto& check) {
    check_option(info.name, value, check);
  });
  check_can_fill_folder("out", options.out);
  if (!world().is_first()) return;  // nothing to share
  Progress progress(options.quiet);
  pool_folds(
      options.folds,
      {.bootstrap = {.draws = options.bootstrap, .seed = options.seed}, .compare = options.compare},
      options.out, progress)
      ->print(std::cout);
  std::cout << "\nresults in " << options.out.string() << "\n";
}

void evaluate(EvalOptions& options) {
  check_options(options);
  const Device device = configure_process(options, options.quiet);
  const EvaluationOptions evaluation{
      .inference = {.batch_size = options.batch_size,
                    .workers = options.workers,
                    .dtype = activation_dtype(options.precision, device),
                    .record = options.may_record()},
      .flip = options.tta == "flip",
      .bootstrap = {.draws = options.bootstrap, .seed = options.seed},
      .compare = options.compare,
      .report = {.split = options.split,
                 .precision = options.precision,
                 .checkpoints = options.checkpoints,
                 .audit = options.audit}};
  Progress progress(options.quiet, !world().is_first());
  std::vector<TrainedModel> models;
  for (const auto& checkpoint : options.checkpoints)
    models.push_back(load_model(checkpoint, device));
  const ModelInfo& first = models.front().info;
  Manifest manifest = selected_samples(options, first, progress);
  check_together(models);
  task_of(first)->check_classes(manifest.classes, !options.positive.empty());
  OSTEON_CHECK(!indices_of(manifest, options.split).empty(), manifest.source.string(),
               ": the split ", options.split, " is empty; choose another --split");
  for (const std::string& warning : manifest.warnings) progress.line("warning: " + warning);
  const PreparedImages data = prepare_with_progress(manifest,
                                                    {.image_size = first.image_size,
                                                     .fit = first.fit,
                                                     .cache = "memory",
                                                     .workers = options.workers,
                                                     .max_bad = options.max_bad},
                                                    progress);
  if (uses_validation(options))
    task_of(first)->check_choices(
        options.threshold == "checkpoint" ? rounded(kDefaultThreshold, 1) : options.threshold,
        options.temperature == "checkpoint" ? "1" : options.temperature,
        {data.manifest, indices_of(data.manifest, "val")});
  if (options.temperature != "checkpoint")
    for (TrainedModel& trained : models)
      set_temperature(trained, options.temperature, data, indices_of(data.manifest, "val"),
                      evaluation.inference);
  const ModelInfo info = decision_for(options, models, data, evaluation, progress);
  const std::unique_ptr<TaskResult> result =
      evaluate_models(models, info, data, indices_of(data.manifest, options.split), evaluation,
                      options.out, progress);
  if (!world().is_first()) return;
  result->print(std::cout);
  if (!options.save_model.empty())
    write_safetensors(options.save_model, to_model_file(*models.front().model, info));
  std::cout << "\nresults in " << options.out.string() << "\n";
}

}  // namespace
}  // namespace osteon

int main(int argc, char** argv) {
  using namespace osteon;
  CLI::App app("Evaluates a trained model: figures per image, per study and per body part",
               "eval_mura");
  app.option_defaults()->always_capture_default();
  EvalOptions options;
  add_options(app, options);
  return run_app(
      app, argc, argv,
      [&] {
        check_given(app, options);
        options.folds.empty() ? evaluate(options) : pool(options);
      },
      Processes::several);
}
