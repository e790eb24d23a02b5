// predict: predictions of a trained model for image files.
#include <iostream>

#include "apps/app.h"
#include "base/error.h"
#include "base/output_path.h"
#include "base/progress.h"
#include "comm/process_group.h"
#include "eval/calibration.h"
#include "eval/evaluation.h"
#include "eval/machine.h"
#include "eval/predict_files.h"

namespace osteon {
namespace {

struct Options : MachineOptions {
  std::vector<std::filesystem::path> checkpoints, inputs;
  std::filesystem::path csv, json;
  std::string threshold = "checkpoint";
  PredictOptions predict;
};

void add_options(CLI::App& app, Options& options) {
  app.add_option("--checkpoint", options.checkpoints,
                 "folder of a run or checkpoint, or a model.safetensors; several are averaged")
      ->required()
      ->allow_extra_args(false);
  app.add_option("images", options.inputs, "PNG, JPEG or DICOM files, or folders of them")
      ->required();
  app.add_flag("--studies", options.predict.by_study,
               "treat the images of one folder as views of one study, and average them");
  app.add_option("--csv", options.csv,
                 "write path, probabilities, decision and error of each file to this file");
  app.add_option("--json", options.json, "write all results to this file");
  app.add_option("--cam", options.predict.cam,
                 "folder for Grad-CAM overlays (of the first checkpoint), one PNG per image");
  app.add_option(
      "--cam-layer", options.predict.cam_layer,
      "layer of the overlays, like layer4 (default: the deepest with at least 4 x 4 cells)");
  app.add_option("--threshold", options.threshold,
                 "an image is positive from this probability on (default: the checkpoint's)");
  app.add_option("--batch-size", options.predict.batch_size, "images per batch")
      ->check(CLI::PositiveNumber);
  for_each_machine_option(options, [&](const OptionInfo& info, auto& value, const auto& check) {
    add_option(app, info, value, check);
  });
}

// Flushes, to show each prediction at once.
void print_line(const std::string& name, double certainty, const std::string& decision,
                const std::string& more = "") {
  std::cout << name << "  " << rounded(certainty, 4) << "  " << decision << more << std::endl;
}

void print_studies(const std::vector<FolderPrediction>& studies) {
  for (const FolderPrediction& study : studies) {
    const std::string failed =
        study.failed == 0 ? "" : format(", ", study.failed, " more could not be read");
    print_line("study " + study.folder, study.certainty, study.decision,
               format("  (", study.views, study.views == 1 ? " view" : " views", failed, ")"));
  }
}

void check_outputs(const Options& options) {
  if (!options.csv.empty()) check_can_write_file("csv", options.csv);
  if (!options.json.empty()) check_can_write_file("json", options.json);
  if (options.predict.cam.empty()) return;
  check_can_fill_folder("cam", options.predict.cam);
  for (const auto& input : options.inputs) check_outside_data("cam", options.predict.cam, input);
}

void set_reports(PredictOptions& options) {
  options.on_prediction = [](const FilePrediction& image) {
    print_line(image.path, image.certainty, image.decision);
  };
  options.on_failure = [](const FileFailure& failure) {
    std::cerr << "predict: " << failure.reason << "\n";
  };
  options.on_warning = [](const std::string& path, const std::string& warning) {
    std::cerr << "predict: warning: " << path << ": " << warning << "\n";
  };
}

// The first of several processes prints and writes; heat maps are written by each.
void predict(Options& options) {
  const bool is_first = world().is_first();
  if (is_first) check_outputs(options);
  const Device device = configure_process(options);
  options.predict.dtype = activation_dtype(options.precision, device);
  options.predict.record = options.may_record();
  std::vector<TrainedModel> models;
  for (const auto& checkpoint : options.checkpoints)
    models.push_back(load_model(checkpoint, device));
  check_together(models);
  ModelInfo info = decision_of(models);
  if (options.threshold != "checkpoint") {
    if (!parse_threshold(options.threshold))
      throw UsageError("--threshold " + options.threshold +
                       ": there is no validation split to choose it on; give a number");
    task_of(info)->set_threshold(info, options.threshold, {Manifest{}, {}}, {});
  }
  if (is_first) set_reports(options.predict);
  const ImageFiles files = list_images(options.inputs);
  OSTEON_CHECK(!files.files.empty() || !files.failures.empty(), options.inputs.front().string(),
               ": no images found (PNG, JPEG or DICOM)");
  const FilePredictions predictions = predict_files(models, info, files, options.predict);
  if (is_first) {
    print_studies(predictions.studies);
    if (!options.csv.empty()) write_file_predictions_csv(options.csv, predictions);
    if (!options.json.empty()) write_file_predictions_json(options.json, predictions, info);
  }
  OSTEON_CHECK(predictions.failures.empty(), predictions.failures.size(), " of ",
               files.files.size() + files.failures.size(), " images have no prediction");
}

}  // namespace
}  // namespace osteon

int main(int argc, char** argv) {
  using namespace osteon;
  CLI::App app("Predicts for each radiograph the probability of its class; not a medical device",
               "predict");
  app.option_defaults()->always_capture_default();
  Options options;
  add_options(app, options);
  return run_app(
      app, argc, argv, [&] { predict(options); }, Processes::several);
}
