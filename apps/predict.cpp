// predict: what a trained model says of image files.
#include <iostream>

#include "apps/app.h"
#include "base/error.h"
#include "base/progress.h"
#include "eval/calibration.h"
#include "eval/evaluation.h"
#include "eval/machine.h"
#include "eval/predict_files.h"

namespace {

struct Options {
  std::vector<std::filesystem::path> checkpoints, inputs;
  std::filesystem::path csv, json;
  std::string threshold = "checkpoint";
  std::string device = "auto", backend = "auto", precision = "fp32";
  int threads = 0;
  osteon::PredictOptions predict;
};

void add_options(CLI::App& app, Options& options) {
  app.add_option("--checkpoint", options.checkpoints,
                 "folder of a run or checkpoint, or a model.safetensors; several are averaged")
      ->required()
      ->allow_extra_args(false);
  app.add_option("images", options.inputs, "PNG, JPEG or DICOM files, or folders of them")
      ->required();
  app.add_flag("--studies", options.predict.by_study,
               "take the images of one folder as the views of one study: their mean");
  app.add_option("--csv", options.csv, "write path,probability,decision,error to this file");
  app.add_option("--json", options.json, "write everything to this file");
  app.add_option("--cam", options.predict.cam,
                 "folder for Grad-CAM overlays (of the first checkpoint), a PNG an image");
  app.add_option("--cam-layer", options.predict.cam_layer,
                 "layer of the overlays, as layer4 (default: the deepest of at least 4 x 4 cells)");
  app.add_option("--threshold", options.threshold,
                 "probability from which on an image is positive (default: the checkpoint's)");
  app.add_option("--batch-size", options.predict.batch_size, "images a batch")
      ->check(CLI::PositiveNumber);
  app.add_option("--device", options.device, "auto, cpu, cuda, cuda:N");
  app.add_option("--backend", options.backend, "auto, reference: which CPU kernels");
  app.add_option("--precision", options.precision, "fp32, tf32, bf16");
  app.add_option("--threads", options.threads, "threads that compute; 0: all cores");
}

void print_line(const std::string& name, const std::vector<double>& prediction,
                const std::string& decision, const std::string& more = "") {
  std::cout << name;
  for (const double value : prediction) std::cout << "  " << osteon::rounded(value, 4);
  std::cout << "  " << decision << more << std::endl;  // each answer as soon as it is there
}

void print_studies(const std::vector<osteon::FolderAnswer>& studies) {
  for (const osteon::FolderAnswer& study : studies) {
    const std::string failed =
        study.failed == 0 ? "" : osteon::format(", ", study.failed, " more could not be read");
    print_line(
        "study " + study.folder, study.prediction, study.decision,
        osteon::format("  (", study.views, study.views == 1 ? " view" : " views", failed, ")"));
  }
}

void predict(Options& options) {
  const osteon::Device device = osteon::configure_process(options.device, options.backend,
                                                          options.precision, options.threads);
  options.predict.dtype = osteon::activation_dtype(options.precision, device);
  std::vector<osteon::TrainedModel> models;
  for (const auto& checkpoint : options.checkpoints)
    models.push_back(osteon::load_model(checkpoint, device));
  osteon::check_together(models);
  osteon::ModelInfo info = osteon::decision_of(models);
  if (options.threshold != "checkpoint") {
    const std::optional<double> number = osteon::parse_threshold(options.threshold);
    if (!number)
      throw osteon::UsageError("--threshold " + options.threshold +
                               ": there is no validation to choose on");
    info.threshold = *number;
  }
  options.predict.on_answer = [](const osteon::FileAnswer& answer) {
    print_line(answer.path, answer.prediction, answer.decision);
  };
  options.predict.on_failure = [](const osteon::FileFailure& failure) {
    std::cerr << "predict: " << failure.reason << "\n";
  };
  const std::vector<std::filesystem::path> files = osteon::list_images(options.inputs);
  OSTEON_CHECK(!files.empty(), options.inputs.front().string(),
               ": no images in there (PNG, JPEG or DICOM)");
  const osteon::FileAnswers answers = osteon::predict_files(models, info, files, options.predict);
  print_studies(answers.studies);
  if (!options.csv.empty()) osteon::write_answers_csv(options.csv, answers);
  if (!options.json.empty()) osteon::write_answers_json(options.json, answers, info);
  OSTEON_CHECK(answers.failures.empty(), answers.failures.size(), " of ", files.size(),
               " images could not be answered");
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app("Says of each radiograph how probably it is abnormal; no medical device", "predict");
  app.option_defaults()->always_capture_default();
  Options options;
  add_options(app, options);
  return osteon::run_app(app, argc, argv, [&] { predict(options); });
}
