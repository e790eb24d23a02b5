// Predictions for image files without labels, for the program `predict`.
#pragma once

#include <filesystem>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "data/image/image.h"
#include "eval/grad_cam.h"
#include "eval/list_images.h"
#include "eval/model_file.h"

namespace osteon {

struct FilePrediction {
  std::string path;
  std::vector<double> prediction;  // the task's columns; the mean of several models
  std::string decision;            // in words
  double certainty = 0;            // Task::certainty()
  std::string heat_map{};          // the file of the overlay, with options.cam
};

// The mean prediction of the images of one folder.
struct FolderPrediction {
  std::string folder;
  std::vector<double> prediction;
  std::string decision;
  double certainty = 0;
  std::int64_t views = 0, failed = 0;  // predicted images, and failed ones
};

struct FilePredictions {
  std::vector<std::string> columns;  // names of the prediction's columns
  std::vector<FilePrediction> images;
  std::vector<FileFailure> failures;
  std::vector<FolderPrediction> studies;  // with options.by_study, sorted by folder
};

struct PredictOptions {
  std::int64_t batch_size = 16;
  DType dtype = DType::f32;
  bool record = true;           // on a CUDA device: record the models as graphs and replay them
  bool by_study = false;        // the images of one folder are the views of one study
  std::filesystem::path cam{};  // folder for Grad-CAM overlays of the first model; empty: none
  std::string cam_layer{};      // empty: grad_cam_layer()
  std::function<void(const FilePrediction&)> on_prediction{};
  std::function<void(const FileFailure&)> on_failure{};
  // Called for an image whose file has a fault that does not prevent its prediction.
  std::function<void(const std::string& path, const std::string& warning)> on_warning{};
};

// Predicts each file in order, and decides with the threshold of `info`. The first file is a batch
// of its own (so that the first result appears soon), the others form batches; on a CUDA device a
// batch is computed while the next one is read. A file that is unreadable or whose prediction is
// not finite is a failure; the others are still predicted. Several processes share the batches; all
// of them call it and get all predictions. Throws Error if an overlay cannot be written.
FilePredictions predict_files(std::span<const TrainedModel> models, const ModelInfo& info,
                              const ImageFiles& files, const PredictOptions& options);

// Writes the columns path, those of the prediction, decision, error and, if there are heat maps,
// heat_map. One row per file: first the predictions, then the failures.
void write_file_predictions_csv(const std::filesystem::path& path,
                                const FilePredictions& predictions);

// Writes {"threshold" or "thresholds" if the task has them, "classes", "images": [{"path", the
// columns, "decision", "heat_map" if there is one}], "studies": [{"folder", the columns,
// "decision", "views", "failed"}], "failures":
// [{"path", "error"}]}.
void write_file_predictions_json(const std::filesystem::path& path,
                                 const FilePredictions& predictions, const ModelInfo& info);

}  // namespace osteon
