// Batches of images in the order an epoch wants them, made ready by worker threads while the model
// computes. Order and content depend on (seed, epoch) alone, never on the number of workers.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "data/augment.h"
#include "data/cache.h"
#include "tensor/tensor.h"

namespace osteon {

struct Batch {
  Tensor images;                      // u8 [N,S,S,1], or undefined if they are not wanted
  Tensor matrices;                    // f32 [N,2,3] for warp_affine
  std::vector<std::int64_t> indices;  // of the manifest's samples
};

struct LoaderOptions {
  std::int64_t batch_size = 32;
  std::int64_t image_size = 224;
  int workers = 2;  // 0: batches are made when they are asked for
  bool shuffle = false;
  bool images = true;            // false: batches without pixels, for who has them elsewhere
  Augmentation augmentation{};   // none unless set
  std::uint64_t seed = 0;        // of the order and the augmentation
  std::int64_t first_batch = 0;  // where a resumed epoch goes on
};

// The batches of one epoch over the samples `indices` of a store.
class Loader {
 public:
  // The store must outlive the loader.
  Loader(const ImageStore& store, std::vector<std::int64_t> indices, const LoaderOptions& options,
         std::int64_t epoch = 0);
  ~Loader();
  Loader(const Loader&) = delete;
  Loader& operator=(const Loader&) = delete;

  std::int64_t batches() const;
  // The next batch (the last may be smaller); false when the epoch is over. Rethrows what a worker
  // threw.
  bool next(Batch& batch);
  // Seconds that next() has waited for data so far.
  double seconds_waited() const;

 private:
  class Workers;
  std::unique_ptr<Workers> workers_;
};

}  // namespace osteon
