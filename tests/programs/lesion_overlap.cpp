// lesion_overlap RUN DEMO [LAYER]: compares the heat maps of a trained run with the lesions of the
// test radiographs in a folder of make_demo_data, whose lesions.csv has their boxes. Prints, over
// the true positives, how often the maximum of the map is inside the lesion's box, the share of the
// heat in the box, and the share of the image in the box (the result of random guesses).
#include <algorithm>
#include <iostream>
#include <map>

#include "base/csv_table.h"
#include "data/loader.h"
#include "data/manifest.h"
#include "eval/grad_cam.h"
#include "eval/inference.h"
#include "tensor/autograd.h"

using namespace osteon;

namespace {

struct Box {
  double x0, y0, x1, y1;
  bool holds(double x, double y) const { return x >= x0 && x < x1 && y >= y0 && y < y1; }
};

std::map<std::string, Box> read_boxes(const std::filesystem::path& file) {
  const CsvTable table(file);
  std::map<std::string, Box> boxes;
  for (const CsvRow& row : table.rows())
    boxes[row.fields[0]] = {std::stod(row.fields[2]), std::stod(row.fields[3]),
                            std::stod(row.fields[4]), std::stod(row.fields[5])};
  return boxes;
}

struct Overlap {
  int images = 0, hits = 0;
  double heat_inside = 0, box_share = 0;

  // The box is in pixels of an image of that size.
  void add(const HeatMap& map, const Box& box, std::int64_t height, std::int64_t width) {
    double total = 0, inside = 0, hottest = -1;
    bool hit = false;
    for (std::int64_t y = 0; y < height; ++y)
      for (std::int64_t x = 0; x < width; ++x) {
        const double heat = map.at(static_cast<double>(y), static_cast<double>(x), height, width);
        const bool here = box.holds(static_cast<double>(x), static_cast<double>(y));
        total += heat;
        inside += here ? heat : 0;
        if (heat > hottest) {
          hottest = heat;
          hit = here;
        }
      }
    ++images;
    hits += hit;
    heat_inside += total > 0 ? inside / total : 0;
    box_share += (box.x1 - box.x0) * (box.y1 - box.y0) / static_cast<double>(height * width);
  }
};

void measure(const std::filesystem::path& run, const std::filesystem::path& demo,
             const std::string& layer_option) {
  const TrainedModel trained = load_model(run);
  const ModelInfo& info = trained.info;
  const std::unique_ptr<Task> task = task_of(info);
  const std::string layer = layer_option.empty() ? grad_cam_layer(info) : layer_option;
  Manifest manifest = read_manifest(demo, {});
  std::erase_if(manifest.samples, [](const Sample& s) { return s.split != Split::test; });
  const PreparedImages data =
      prepare_images(manifest, {.image_size = info.image_size, .fit = info.fit, .max_bad = 0});
  const std::map<std::string, Box> boxes = read_boxes(demo / "lesions.csv");
  Loader loader(*data.store, split_indices(data.manifest, Split::test),
                {.batch_size = 32, .image_size = info.image_size});
  Overlap overlap;
  int positives = 0;
  for (Batch batch; loader.next(batch);) {
    const Tensor input = model_input(batch.images, batch.matrices, info, DType::f32);
    const std::vector<HeatMap> maps =
        grad_cam(*trained.model, input, layer, std::vector<std::int64_t>(batch.indices.size()));
    const NoGrad no_grad;
    const std::vector<double> probabilities =
        task->predict({1, outputs_of(*trained.model, input).to_vector()}, info).values;
    for (std::size_t i = 0; i < batch.indices.size(); ++i) {
      const Sample& sample = manifest.samples[static_cast<std::size_t>(batch.indices[i])];
      positives += sample.label == 1;
      if (sample.label != 1 || probabilities[i] < info.thresholds[0]) continue;
      const Image picture = read_image(data.manifest.root / sample.path);
      const auto box = std::ranges::find_if(boxes, [&](const auto& entry) {
        return entry.first.ends_with(sample.path) || sample.path.ends_with(entry.first);
      });
      OSTEON_CHECK(box != boxes.end(), sample.path, " is not in lesions.csv");
      overlap.add(maps[i], box->second, picture.height, picture.width);
    }
  }
  OSTEON_CHECK(overlap.images > 0, "no true positives");
  const auto share = [&](double sum) { return sum / overlap.images; };
  std::cout << "layer " << layer << ", true positives " << overlap.images << " of " << positives
            << "\nhottest place in the lesion's box: " << share(overlap.hits)
            << "\nmean share of the heat in the box:  " << share(overlap.heat_inside)
            << "\nmean share of the image in it:      " << share(overlap.box_share) << "\n";
}

}  // namespace

int main(int argc, char** argv) try {
  if (argc < 3) {
    std::cerr << "usage: lesion_overlap RUN DEMO [LAYER]\n";
    return 2;
  }
  measure(argv[1], argv[2], argc > 3 ? argv[3] : "");
  return 0;
} catch (const std::exception& error) {
  std::cerr << "lesion_overlap: " << error.what() << "\n";
  return 1;
}
