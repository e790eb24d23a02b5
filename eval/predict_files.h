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

struct FileAnswer {
  std::string path;
  std::vector<double> prediction;  // the task's columns; the mean of several models
  std::string decision;            // in words
  std::string heat_map{};          // the overlay's file, with options.cam
};

// The mean of the images of one folder.
struct FolderAnswer {
  std::string folder;
  std::vector<double> prediction;
  std::string decision;
  std::int64_t views = 0, failed = 0;  // predicted images, and failed ones
};

struct FileAnswers {
  std::vector<std::string> columns;  // names of the prediction's columns
  std::vector<FileAnswer> images;
  std::vector<FileFailure> failures;
  std::vector<FolderAnswer> studies;  // with options.by_study, sorted by folder
};

struct PredictOptions {
  std::int64_t batch_size = 16;
  DType dtype = DType::f32;
  bool by_study = false;        // the images of one folder are the views of one study
  std::filesystem::path cam{};  // folder for Grad-CAM overlays of the first model; empty: none
  std::string cam_layer{};      // empty: grad_cam_layer()
  std::function<void(const FileAnswer&)> on_answer{};
  std::function<void(const FileFailure&)> on_failure{};
  // For an image with a fault that read_image went over; it is predicted all the same.
  std::function<void(const std::string& path, const std::string& warning)> on_warning{};
};

// Predicts each file with the decisions of `info`, in order, the first one alone and the others in
// batches. A file that is unreadable or whose prediction is not finite is a failure; the others are
// still predicted. Throws Error if an overlay cannot be written.
FileAnswers predict_files(std::span<const TrainedModel> models, const ModelInfo& info,
                          const ImageFiles& files, const PredictOptions& options);

// path, the columns of the prediction, decision, error, and heat_map if there are any: one row per
// file, in the order of answers and then failures.
void write_answers_csv(const std::filesystem::path& path, const FileAnswers& answers);

// {"threshold", "classes", "images": [{"path", the columns, "decision"}], "studies": [{"folder",
// the columns, "decision", "views", "failed"}], "failures": [{"path", "error"}]}
void write_answers_json(const std::filesystem::path& path, const FileAnswers& answers,
                        const ModelInfo& info);

}  // namespace osteon
