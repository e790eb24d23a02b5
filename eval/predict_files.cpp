// Predicts files in batches; a failure concerns one file only.
#include "eval/predict_files.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>

#include "base/csv_table.h"
#include "base/file.h"
#include "base/json.h"
#include "base/parallel.h"
#include "data/augment.h"
#include "data/loader.h"
#include "data/readers/readers.h"
#include "eval/inference.h"
#include "eval/results.h"
#include "tensor/autograd.h"

namespace osteon {
namespace {

namespace fs = std::filesystem;

void list_folder(const fs::path& folder, std::vector<fs::path>& files) {
  for (const std::string& name : list_files(folder))
    if (is_image_file(folder / name)) files.push_back(folder / name);
  for (const std::string& name : list_subfolders(folder)) list_folder(folder / name, files);
}

// One file of a batch: its image or the reason why there is none.
struct Item {
  std::string path;
  std::optional<Image> picture;
  std::string failure;
};

class Predictor {
 public:
  Predictor(std::span<const TrainedModel> models, const ModelInfo& info,
            const PredictOptions& options)
      : models_(models), options_(options), info_(info), task_(task_of(info)) {
    answers_.columns = task_->columns();
    if (options.cam.empty()) return;
    std::error_code error;
    fs::create_directories(options.cam, error);
    OSTEON_CHECK(!error, "cannot create ", options.cam.string(), ": ", error.message());
  }

  FileAnswers run(const std::vector<fs::path>& files) {
    for (std::size_t done = 0; done < files.size();) {
      const std::size_t most = done == 0 ? 1 : static_cast<std::size_t>(options_.batch_size);
      const std::size_t count = std::min(most, files.size() - done);
      answer(read({files.begin() + static_cast<std::ptrdiff_t>(done),
                   files.begin() + static_cast<std::ptrdiff_t>(done + count)}));
      done += count;
    }
    if (options_.by_study) group_folders();
    return std::move(answers_);
  }

 private:
  static std::vector<Item> read(const std::vector<fs::path>& files) {
    std::vector<Item> items(files.size());
    parallel_for(static_cast<std::int64_t>(files.size()), 1, [&](auto begin, auto end) {
      for (auto i = static_cast<std::size_t>(begin); i < static_cast<std::size_t>(end); ++i) {
        items[i].path = files[i].string();
        try {
          items[i].picture = read_image(files[i]);
        } catch (const Error& error) {
          items[i].failure = error.what();
        }
      }
    });
    return items;
  }

  void answer(const std::vector<Item>& items) {
    std::vector<const Item*> readable;
    for (const Item& item : items) {
      if (!item.picture) continue;
      readable.push_back(&item);
      if (options_.on_warning && !item.picture->warnings.empty())
        options_.on_warning(item.path, item.picture->warnings.front());
    }
    ImageValues predictions;
    if (!readable.empty()) {
      const Batch batch = make_batch(readable);
      predictions = infer(batch);
      if (!options_.cam.empty()) write_overlays(readable, batch);
    }
    std::size_t next = 0;
    for (const Item& item : items)
      if (item.picture)
        answer(item.path, predictions.row(next++));
      else
        fail(item.path, item.failure);
  }

  void answer(const std::string& path, std::span<const double> prediction) {
    for (std::size_t k = 0; k < prediction.size(); ++k)
      if (!std::isfinite(prediction[k]))
        return fail(path, format(path, ": ", answers_.columns[k], " ", prediction[k],
                                 "; did training diverge, or is the checkpoint damaged?"));
    answers_.images.push_back(
        {path, {prediction.begin(), prediction.end()}, task_->decide(prediction, info_)});
    if (options_.on_answer) options_.on_answer(answers_.images.back());
  }

  Batch make_batch(const std::vector<const Item*>& items) const {
    const auto count = static_cast<std::int64_t>(items.size());
    const std::int64_t size = info_.image_size;
    Batch batch{Tensor({count, size, size, 1}, DType::u8), Tensor({count, 2, 3}, DType::f32), {}};
    for (std::int64_t i = 0; i < count; ++i) {
      const Image fitted = fit_image(*items[static_cast<std::size_t>(i)]->picture, size, info_.fit);
      std::ranges::copy(fitted.pixels, batch.images.data<std::uint8_t>() + i * size * size);
      std::ranges::copy(kIdentity, batch.matrices.data<float>() + i * 6);
    }
    return batch;
  }

  // The model's input, on the model's device.
  Tensor input_for(const Module& model, const Batch& batch, const ModelInfo& info) const {
    return model_input(batch.images.to(model.device()), batch.matrices.to(model.device()), info,
                       options_.dtype);
  }

  ImageValues infer(const Batch& batch) const {
    const NoGrad no_grad;
    ImageValues mean;
    for (const auto& [info, model] : models_) {
      const Tensor outputs = outputs_of(*model, input_for(*model, batch, info));
      add_share(mean, task_->predict({outputs.dim(1), outputs.to_vector()}, info),
                static_cast<double>(models_.size()));
    }
    return mean;
  }

  void write_overlays(const std::vector<const Item*>& items, const Batch& batch) {
    const std::string layer =
        options_.cam_layer.empty() ? grad_cam_layer(info_) : options_.cam_layer;
    const std::vector<HeatMap> maps =
        grad_cam(*models_.front().model, input_for(*models_.front().model, batch, info_), layer);
    for (std::size_t i = 0; i < items.size(); ++i)
      write_png(options_.cam / unused_name(items[i]->path),
                overlay(*items[i]->picture, maps[i], info_.fit, kOverlaySide));
  }

  // image1.png, or image1-2.png if another file had that name before.
  std::string unused_name(const std::string& path) {
    const std::string stem = fs::path(path).stem().string();
    std::string name = stem;
    for (int n = 2; !names_.insert(name).second; ++n) name = format(stem, "-", n);
    return name + ".png";
  }

  void fail(const std::string& path, const std::string& reason) {
    answers_.failures.push_back({path, reason});
    if (options_.on_failure) options_.on_failure(answers_.failures.back());
  }

  void group_folders() {
    std::map<std::string, FolderAnswer> folders;
    const auto folder_of = [&](const std::string& path) -> FolderAnswer& {
      const std::string folder = fs::path(path).parent_path().string();
      const std::string name = folder.empty() ? "." : folder;
      FolderAnswer& answer = folders[name];
      answer.folder = name;
      return answer;
    };
    for (const FileFailure& failure : answers_.failures) ++folder_of(failure.path).failed;
    for (const FileAnswer& image : answers_.images) {
      FolderAnswer& study = folder_of(image.path);
      study.prediction.resize(image.prediction.size());
      for (std::size_t k = 0; k < image.prediction.size(); ++k)
        study.prediction[k] += image.prediction[k];
      ++study.views;
    }
    for (auto& [name, study] : folders) {
      if (study.views == 0) continue;
      for (double& value : study.prediction) value /= static_cast<double>(study.views);
      study.decision = task_->decide(study.prediction, info_);
      answers_.studies.push_back(study);
    }
  }

  static constexpr std::int64_t kOverlaySide = 1024;

  std::span<const TrainedModel> models_;
  const PredictOptions& options_;
  const ModelInfo& info_;
  const std::unique_ptr<Task> task_;
  std::set<std::string> names_;
  FileAnswers answers_;
};

}  // namespace

std::vector<fs::path> list_images(const std::vector<fs::path>& inputs) {
  std::vector<fs::path> files;
  for (const fs::path& input : inputs) {
    std::error_code ignored;
    if (fs::is_directory(input, ignored))
      list_folder(input, files);
    else
      files.push_back(input);
  }
  return files;
}

FileAnswers predict_files(std::span<const TrainedModel> models, const ModelInfo& info,
                          const std::vector<fs::path>& files, const PredictOptions& options) {
  return Predictor(models, info, options).run(files);
}

void write_answers_csv(const fs::path& path, const FileAnswers& answers) {
  std::vector<std::string> row{"path"};
  row.insert(row.end(), answers.columns.begin(), answers.columns.end());
  row.insert(row.end(), {"decision", "error"});
  std::string text = csv_line(row);
  for (const FileAnswer& image : answers.images) {
    row = {image.path};
    for (const double value : image.prediction) row.push_back(exact_text(value));
    row.insert(row.end(), {image.decision, ""});
    text += csv_line(row);
  }
  for (const FileFailure& failure : answers.failures) {
    row = {failure.path};
    row.resize(1 + answers.columns.size());
    row.insert(row.end(), {"", failure.reason});
    text += csv_line(row);
  }
  write_file_atomically(path, text);
}

void write_answers_json(const fs::path& path, const FileAnswers& answers, const ModelInfo& info) {
  using Json = nlohmann::ordered_json;
  Json json{{"threshold", info.threshold}, {"classes", info.classes}};
  for (const char* list : {"images", "studies", "failures"}) json[list] = Json::array();
  const auto add_prediction = [&](Json& entry, const auto& answer) {
    for (std::size_t k = 0; k < answers.columns.size(); ++k)
      entry[answers.columns[k]] = answer.prediction[k];
    entry["decision"] = answer.decision;
  };
  for (const FileAnswer& image : answers.images)
    add_prediction(json["images"].emplace_back(Json{{"path", image.path}}), image);
  for (const FolderAnswer& study : answers.studies) {
    Json& entry = json["studies"].emplace_back(Json{{"folder", study.folder}});
    add_prediction(entry, study);
    entry["views"] = study.views;
    entry["failed"] = study.failed;
  }
  for (const FileFailure& failure : answers.failures)
    json["failures"].push_back({{"path", failure.path}, {"error", failure.reason}});
  write_json(path, json);
}

}  // namespace osteon
