// Chooses and draws radiographs.
#include "eval/report/images.h"

#include <algorithm>
#include <numeric>
#include <set>
#include <tuple>

#include "base/random.h"
#include "data/loader.h"
#include "eval/grad_cam.h"
#include "eval/inference.h"

namespace osteon {
namespace {

constexpr std::int64_t kLongSide = 320;  // pixels
constexpr int kQuality = 82;

// Accepts at most one image per study.
class OnePerStudy {
 public:
  bool take(const ImageOrigin& image) {
    return taken_.emplace(image.study, image.patient, image.part).second;
  }

 private:
  std::set<std::tuple<std::string, std::string, std::string>> taken_;
};

}  // namespace

std::vector<std::size_t> worst_mistakes(const std::vector<ShownDecision>& decisions,
                                        std::size_t count) {
  std::vector<std::size_t> mistakes;
  for (std::size_t i = 0; i < decisions.size(); ++i)
    if (!decisions[i].is_right) mistakes.push_back(i);
  std::ranges::stable_sort(mistakes, std::ranges::greater(),
                           [&](std::size_t i) { return decisions[i].confidence; });
  OnePerStudy studies;
  std::erase_if(mistakes, [&](std::size_t i) { return !studies.take(*decisions[i].image); });
  mistakes.resize(std::min(count, mistakes.size()));
  return mistakes;
}

std::vector<std::size_t> sample_hits(const std::vector<ShownDecision>& decisions,
                                     std::size_t labels, std::size_t count, std::uint64_t seed) {
  RandomStream random(seed, hash_name("report hits"));
  std::vector<std::vector<std::size_t>> of_label(labels);
  OnePerStudy studies;
  for (const std::int64_t k : permutation(static_cast<std::int64_t>(decisions.size()), random)) {
    const auto i = static_cast<std::size_t>(k);
    if (decisions[i].is_right && decisions[i].label < labels && studies.take(*decisions[i].image))
      of_label[decisions[i].label].push_back(i);
  }
  std::vector<std::size_t> hits;
  for (auto chosen = of_label.rbegin(); chosen != of_label.rend(); ++chosen) {
    chosen->resize(std::min(chosen->size(), std::max<std::size_t>(count / labels, 1)));
    hits.insert(hits.end(), chosen->begin(), chosen->end());
  }
  return hits;
}

void draw_images(Gallery& gallery, const TrainedModel& trained, const PreparedImages& data,
                 const std::vector<std::int64_t>& indices) {
  if (gallery.images.empty()) return;
  const ModelInfo& info = trained.info;
  std::vector<std::int64_t> samples, explained;
  for (const ReportImage& image : gallery.images) {
    samples.push_back(indices[image.position]);
    explained.push_back(image.explained_output);
  }
  Loader loader(*data.store, samples,
                {.batch_size = static_cast<std::int64_t>(samples.size()),
                 .image_size = info.image_size,
                 .workers = 0});
  Batch batch;
  loader.next(batch);
  const std::vector<HeatMap> maps =
      grad_cam(*trained.model,
               model_input(batch.images.to(trained.model->device()),
                           batch.matrices.to(trained.model->device()), info, DType::f32),
               grad_cam_layer(info), explained);
  for (std::size_t k = 0; k < samples.size(); ++k) {
    ReportImage& image = gallery.images[k];
    const Image radiograph = read_image(data.manifest.root / image.path);
    image.radiograph = encode_jpeg(shrink(radiograph, kLongSide), kQuality);
    image.heat_map = encode_jpeg(overlay(radiograph, maps[k], info.fit, kLongSide), kQuality);
  }
}

}  // namespace osteon
