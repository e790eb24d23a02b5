// bench_loading: measures image loading without a model: decoding and resizing files, and augmented
// batches from the cache. Prints one line of JSON for each. Draws its own radiographs.
#include <unistd.h>

#include <chrono>
#include <iostream>
#include <nlohmann/json.hpp>
#include <numeric>

#include "apps/app.h"
#include "data/demo/demo.h"
#include "data/loader.h"
#include "data/manifest.h"
#include "ops/ops.h"

namespace osteon {
namespace {

namespace fs = std::filesystem;
using Clock = std::chrono::steady_clock;

struct BenchOptions {
  fs::path data;
  std::int64_t image_size = 224, batch_size = 32;
  int workers = 2, epochs = 3;
};

// A folder that is removed when the program ends.
class TemporaryFolder {
 public:
  TemporaryFolder()
      : path_(fs::temp_directory_path() / format("osteon-bench-loading-", ::getpid())) {}
  ~TemporaryFolder() {
    std::error_code ignored;
    fs::remove_all(path_, ignored);
  }
  const fs::path& path() const { return path_; }

 private:
  fs::path path_;
};

void print(const char* measure, const BenchOptions& options, std::int64_t images, double seconds) {
  const nlohmann::ordered_json line = {
      {"measure", measure},
      {"image_size", options.image_size},
      {"workers", options.workers},
      {"images", images},
      {"images_per_second", static_cast<double>(images) / seconds}};
  std::cout << line.dump() << "\n";
}

template <class Body>
double seconds(const Body& body) {
  const auto start = Clock::now();
  body();
  return std::chrono::duration<double>(Clock::now() - start).count();
}

void measure(const BenchOptions& options) {
  const Manifest manifest = read_manifest(options.data, {});
  const auto images = static_cast<std::int64_t>(manifest.samples.size());
  PreparedImages prepared;
  print("decode and resize", options, images, seconds([&] {
          prepared = prepare_images(manifest,
                                    {.image_size = options.image_size, .workers = options.workers});
        }));
  std::vector<std::int64_t> indices(prepared.manifest.samples.size());
  std::iota(indices.begin(), indices.end(), 0);
  const WarpOptions warp{options.image_size, options.image_size, {0.5, 0.5, 0.5}, {0.2, 0.2, 0.2}};
  print("augmented batches from the cache", options, images * options.epochs, seconds([&] {
          for (int epoch = 0; epoch < options.epochs; ++epoch) {
            Loader loader(*prepared.store, indices,
                          {.batch_size = options.batch_size,
                           .image_size = options.image_size,
                           .workers = options.workers,
                           .shuffle = true,
                           .augmentation = augmentation_from_name("default")},
                          epoch);
            for (Batch batch; loader.next(batch);) warp_affine(batch.images, batch.matrices, warp);
          }
        }));
}

}  // namespace
}  // namespace osteon

int main(int argc, char** argv) {
  CLI::App app("Measures decoding and batching of images; prints lines of JSON", "bench_loading");
  app.option_defaults()->always_capture_default();
  osteon::BenchOptions options;
  app.add_option("--data", options.data, "data set to read (default: demonstration radiographs)");
  app.add_option("--image-size", options.image_size, "side of the images in pixels")
      ->check(CLI::Range(16, 4096));
  app.add_option("--batch-size", options.batch_size, "images per batch")
      ->check(CLI::PositiveNumber);
  app.add_option("--workers", options.workers, "threads")->check(CLI::PositiveNumber);
  app.add_option("--epochs", options.epochs, "passes over the cache")->check(CLI::PositiveNumber);
  return osteon::run_app(app, argc, argv, [&] {
    const osteon::TemporaryFolder folder;
    if (options.data.empty()) {
      osteon::write_demo(folder.path(), {});
      options.data = folder.path();
    }
    osteon::measure(options);
  });
}
