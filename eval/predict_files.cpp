// Predicts files in batches. A failure of one file does not prevent the prediction of the others.
#include "eval/predict_files.h"

#include <algorithm>
#include <cmath>
#include <deque>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>

#include "base/csv_table.h"
#include "base/file.h"
#include "base/json.h"
#include "base/parallel.h"
#include "base/text.h"
#include "comm/process_group.h"
#include "data/augment.h"
#include "data/loader.h"
#include "eval/file_outcomes.h"
#include "eval/inference.h"
#include "eval/inference_step.h"
#include "eval/results.h"

namespace osteon {
namespace {

namespace fs = std::filesystem;

// One file of a batch: its image, or the reason why it has none.
struct Item {
  std::size_t number = 0;  // in the list of files
  std::string path;
  std::optional<Image> image;
  std::string failure;
};

// A batch whose outputs were not taken yet.
struct IssuedBatch {
  std::vector<Item> items;
  Batch batch{};  // of the readable items; not used if there are none
};

class Predictor {
 public:
  Predictor(std::span<const TrainedModel> models, const ModelInfo& info,
            const PredictOptions& options)
      : models_(models), options_(options), info_(info), task_(task_of(info)) {
    predictions_.columns = task_->columns();
    if (options.cam.empty()) return;
    std::error_code error;
    fs::create_directories(options.cam, error);
    OSTEON_CHECK(!error, "cannot create ", options.cam.string(), ": ", error.message());
  }

  FilePredictions run(const ImageFiles& images) {
    for (const FileFailure& failure : images.failures) fail(failure.path, failure.reason);
    files_ = images.files;
    if (!options_.cam.empty()) name_heat_maps();
    make_steps();
    std::vector<Range> batches;
    for (std::size_t begin = 0; begin < files_.size(); begin = batches.back().end) {
      const std::size_t most = begin == 0 ? 1 : static_cast<std::size_t>(options_.batch_size);
      batches.push_back({begin, std::min(begin + most, files_.size())});
    }
    const auto processes = static_cast<std::size_t>(world().size());
    for (std::size_t round = 0; round < batches.size(); round += processes) {
      const std::size_t mine = round + static_cast<std::size_t>(world().rank());
      if (mine < batches.size()) issue(read(batches[mine]));
      finish(/*wait=*/round == 0);
    }
    finish(/*wait=*/true);
    if (options_.by_study) group_folders();
    return std::move(predictions_);
  }

 private:
  // Of files.
  struct Range {
    std::size_t begin, end;
  };

  std::vector<Item> read(const Range& range) const {
    std::vector<Item> items(range.end - range.begin);
    parallel_for(static_cast<std::int64_t>(items.size()), 1, [&](auto begin, auto end) {
      for (auto i = static_cast<std::size_t>(begin); i < static_cast<std::size_t>(end); ++i) {
        items[i].number = range.begin + i;
        const fs::path& file = files_[items[i].number];
        items[i].path = file.string();
        try {
          items[i].image = read_image(file);
        } catch (const Error& error) {
          items[i].failure = error.what();
        }
      }
    });
    return items;
  }

  // One step per model. On a CUDA device all batches have one shape, so the first one (of one file)
  // has it, too.
  void make_steps() {
    const auto files = static_cast<std::int64_t>(files_.size());
    const auto rows = std::min(options_.batch_size, std::max(files - 1, std::int64_t{1}));
    for (const TrainedModel& each : models_)
      steps_.push_back(std::make_unique<InferenceStep>(
          each.model->device(),
          [this, &each](const Tensors& inputs) {
            return outputs_of(*each.model,
                              model_input(inputs[0], inputs[1], each.info, options_.dtype));
          },
          InferenceStep::Options{.batch_size = rows, .record = options_.record}));
  }

  static std::vector<const Item*> readable(const std::vector<Item>& items) {
    std::vector<const Item*> readable;
    for (const Item& item : items)
      if (item.image) readable.push_back(&item);
    return readable;
  }

  void issue(std::vector<Item> items) {
    IssuedBatch& issued = issued_.emplace_back(IssuedBatch{std::move(items)});
    const std::vector<const Item*> images = readable(issued.items);
    if (images.empty()) return;
    issued.batch = make_batch(images);
    for (const auto& step : steps_) step->issue({issued.batch.images, issued.batch.matrices});
  }

  // Takes the outcomes of the issued batches; unless `wait`, of all but the last one on a CUDA
  // device. Reports those of all processes that are next.
  void finish(bool wait) {
    std::vector<FileOutcome> outcomes;
    const std::size_t left_alone = models_.front().model->device().is_cuda() && !wait ? 1 : 0;
    for (; issued_.size() > left_alone; issued_.pop_front()) take(issued_.front(), outcomes);
    for (const FileOutcome& outcome : outcomes_.exchange(std::move(outcomes))) report(outcome);
  }

  void take(const IssuedBatch& issued, std::vector<FileOutcome>& outcomes) {
    const std::vector<const Item*> images = readable(issued.items);
    ImageValues predictions;
    std::vector<std::string> heat_maps(images.size());
    if (!images.empty()) {
      predictions = take_predictions();
      if (!options_.cam.empty()) heat_maps = write_overlays(images, issued.batch, predictions);
    }
    std::size_t next = 0;
    for (const Item& item : issued.items) {
      FileOutcome& outcome = outcomes.emplace_back(FileOutcome{.number = item.number});
      if (!item.image) {
        outcome.failure = item.failure;
        continue;
      }
      if (!item.image->warnings.empty()) outcome.warning = item.image->warnings.front();
      const std::span<const double> row = predictions.row(next);
      outcome.prediction.assign(row.begin(), row.end());
      outcome.heat_map = heat_maps[next];
      ++next;
    }
  }

  void report(const FileOutcome& outcome) {
    const std::string path = files_[outcome.number].string();
    if (options_.on_warning && !outcome.warning.empty()) options_.on_warning(path, outcome.warning);
    if (outcome.failure.empty())
      add(path, outcome.prediction, outcome.heat_map);
    else
      fail(path, outcome.failure);
  }

  // The mean of the models' predictions for the oldest batch with images.
  ImageValues take_predictions() {
    ImageValues mean;
    for (std::size_t i = 0; i < steps_.size(); ++i) {
      const Tensor outputs = steps_[i]->take_outputs(/*wait=*/true).value();
      add_share(mean, task_->predict({outputs.dim(1), outputs.to_vector()}, models_[i].info),
                static_cast<double>(models_.size()));
    }
    return mean;
  }

  void add(const std::string& path, std::span<const double> prediction,
           const std::string& heat_map) {
    for (std::size_t k = 0; k < prediction.size(); ++k)
      if (!std::isfinite(prediction[k]))
        return fail(path, format(path, ": ", predictions_.columns[k], " ", prediction[k],
                                 "; did training diverge, or is the checkpoint damaged?"));
    predictions_.images.push_back({path,
                                   {prediction.begin(), prediction.end()},
                                   task_->decide(prediction, info_),
                                   task_->certainty(prediction, info_),
                                   heat_map});
    if (options_.on_prediction) options_.on_prediction(predictions_.images.back());
  }

  Batch make_batch(const std::vector<const Item*>& items) const {
    const auto count = static_cast<std::int64_t>(items.size());
    const std::int64_t size = info_.image_size;
    Batch batch{
        Tensor({count, size, size, 1}, DType::u8), Tensor({count, 2, 3}, DType::f32), {}, {}};
    for (std::int64_t i = 0; i < count; ++i) {
      const Image fitted = fit_image(*items[static_cast<std::size_t>(i)]->image, size, info_.fit);
      std::ranges::copy(fitted.pixels, batch.images.data<std::uint8_t>() + i * size * size);
      std::ranges::copy(kIdentity, batch.matrices.data<float>() + i * 6);
    }
    return batch;
  }

  // Returns the paths of the overlays.
  std::vector<std::string> write_overlays(const std::vector<const Item*>& items, const Batch& batch,
                                          const ImageValues& predictions) {
    const std::string layer =
        options_.cam_layer.empty() ? grad_cam_layer(info_) : options_.cam_layer;
    Module& model = *models_.front().model;
    const Device device = model.device();
    std::vector<std::int64_t> explained;
    for (std::size_t i = 0; i < items.size(); ++i)
      explained.push_back(task_->explained_output(predictions.row(i), info_));
    const std::vector<HeatMap> maps = grad_cam(
        model,
        model_input(batch.images.to(device), batch.matrices.to(device), info_, options_.dtype),
        layer, explained);
    std::vector<std::string> names;
    for (std::size_t i = 0; i < items.size(); ++i) {
      const fs::path file = options_.cam / names_[items[i]->number];
      std::error_code error;
      fs::create_directories(file.parent_path(), error);
      OSTEON_CHECK(!error, "cannot create ", file.parent_path().string(), ": ", error.message());
      write_png(file, overlay(*items[i]->image, maps[i], info_.fit, kOverlaySide));
      names.push_back(file.string());
    }
    return names;
  }

  // The name of a heat map in its folder: the path of the image as it was given, so that different
  // images have different names, with .png added if it has another ending:
  // patient1/study1/image1.png, 1.2.840.dcm.png. A name that an earlier file already has gets a
  // number: image1-2.png.
  void name_heat_maps() {
    std::set<std::string> used;
    for (const fs::path& file : files_) {
      fs::path name;
      for (const fs::path& part : file.lexically_normal().relative_path())
        name /= part == ".." ? fs::path("up") : part;
      if (lower_case(name.extension().string()) != ".png") name += ".png";
      const fs::path stem = name.parent_path() / name.stem();
      for (int n = 2; !used.insert(name.string()).second; ++n)
        name = stem.string() + format("-", n, ".png");
      names_.push_back(name.string());
    }
  }

  void fail(const std::string& path, const std::string& reason) {
    predictions_.failures.push_back({path, reason});
    if (options_.on_failure) options_.on_failure(predictions_.failures.back());
  }

  // Averages the images of each folder. An image that was given twice, also by different spellings
  // of its path, counts once.
  void group_folders() {
    std::map<fs::path, FolderPrediction> folders;
    std::set<fs::path> seen;
    const auto folder_of = [&](const std::string& path) -> FolderPrediction* {
      const fs::path normal = fs::path(path).lexically_normal();
      const fs::path whole = fs::absolute(normal);
      if (!seen.insert(whole).second) return nullptr;
      FolderPrediction& study = folders[whole.parent_path()];
      const std::string folder = normal.parent_path().string();
      if (study.folder.empty()) study.folder = folder.empty() ? "." : folder;
      return &study;
    };
    for (const FileFailure& failure : predictions_.failures)
      if (FolderPrediction* const study = folder_of(failure.path)) ++study->failed;
    for (const FilePrediction& image : predictions_.images) {
      FolderPrediction* const study = folder_of(image.path);
      if (study == nullptr) continue;
      study->prediction.resize(image.prediction.size());
      for (std::size_t k = 0; k < image.prediction.size(); ++k)
        study->prediction[k] += image.prediction[k];
      ++study->views;
    }
    for (auto& [name, study] : folders) {
      if (study.views == 0) continue;
      for (double& value : study.prediction) value /= static_cast<double>(study.views);
      study.decision = task_->decide(study.prediction, info_);
      study.certainty = task_->certainty(study.prediction, info_);
      predictions_.studies.push_back(study);
    }
  }

  static constexpr std::int64_t kOverlaySide = 1024;

  std::span<const TrainedModel> models_;
  const PredictOptions& options_;
  const ModelInfo& info_;
  const std::unique_ptr<Task> task_;
  std::vector<std::unique_ptr<InferenceStep>> steps_;  // one per model
  std::deque<IssuedBatch> issued_;
  std::vector<fs::path> files_;
  std::vector<std::string> names_;  // of the heat maps of all files
  FileOutcomes outcomes_;
  FilePredictions predictions_;
};

}  // namespace

FilePredictions predict_files(std::span<const TrainedModel> models, const ModelInfo& info,
                              const ImageFiles& files, const PredictOptions& options) {
  return Predictor(models, info, options).run(files);
}

void write_file_predictions_csv(const fs::path& path, const FilePredictions& predictions) {
  std::vector<std::string> row{"path"};
  row.insert(row.end(), predictions.columns.begin(), predictions.columns.end());
  row.insert(row.end(), {"decision", "error"});
  const auto has_map = [](const FilePrediction& image) { return !image.heat_map.empty(); };
  const bool has_maps = std::ranges::any_of(predictions.images, has_map);
  if (has_maps) row.emplace_back("heat_map");
  std::string text = csv_line(row);
  for (const FilePrediction& image : predictions.images) {
    row = {image.path};
    for (const double value : image.prediction) row.push_back(exact_text(value));
    row.insert(row.end(), {image.decision, ""});
    if (has_maps) row.push_back(image.heat_map);
    text += csv_line(row);
  }
  for (const FileFailure& failure : predictions.failures) {
    row = {failure.path};
    row.resize(1 + predictions.columns.size());
    row.insert(row.end(), {"", failure.reason});
    if (has_maps) row.emplace_back();
    text += csv_line(row);
  }
  write_file_atomically(path, text);
}

void write_file_predictions_json(const fs::path& path, const FilePredictions& predictions,
                                 const ModelInfo& info) {
  using Json = nlohmann::ordered_json;
  Json json;
  if (info.thresholds.size() == 1) json["threshold"] = info.thresholds[0];
  if (info.thresholds.size() > 1) json["thresholds"] = info.thresholds;
  json["classes"] = info.classes;
  for (const char* list : {"images", "studies", "failures"}) json[list] = Json::array();
  const auto add_prediction = [&](Json& entry, const auto& each) {
    for (std::size_t k = 0; k < predictions.columns.size(); ++k)
      entry[predictions.columns[k]] = each.prediction[k];
    entry["decision"] = each.decision;
  };
  for (const FilePrediction& image : predictions.images) {
    Json& entry = json["images"].emplace_back(Json{{"path", image.path}});
    add_prediction(entry, image);
    if (!image.heat_map.empty()) entry["heat_map"] = image.heat_map;
  }
  for (const FolderPrediction& study : predictions.studies) {
    Json& entry = json["studies"].emplace_back(Json{{"folder", study.folder}});
    add_prediction(entry, study);
    entry["views"] = study.views;
    entry["failed"] = study.failed;
  }
  for (const FileFailure& failure : predictions.failures)
    json["failures"].push_back({{"path", failure.path}, {"error", failure.reason}});
  write_json(path, json);
}

}  // namespace osteon
