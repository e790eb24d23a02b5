// Batches of images in the order of an epoch. Worker threads prepare them while the model computes.
// Order and content depend on (seed, epoch) only, never on the number of workers.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "data/augment.h"
#include "data/cache.h"
#include "data/shards.h"
#include "tensor/tensor.h"

namespace osteon {

struct Batch {
  Tensor images;                      // u8 [N,S,S,1]; undefined without LoaderOptions::images
  Tensor matrices;                    // f32 [N,2,3] for warp_affine
  std::vector<std::int64_t> indices;  // into the manifest's samples
  std::vector<ImageChange> changes;   // one per image
  std::int64_t shard = 0;             // of the shards
  Rows rows{};                        // those of the whole batch that are here
  std::int64_t whole = 0;             // rows of the whole batch
};

struct LoaderOptions {
  std::int64_t batch_size = 32;  // of whole batches, over all shards
  std::int64_t image_size = 224;
  int workers = 2;  // 0: next() makes each batch itself
  bool shuffle = false;
  bool images = true;           // false: batches without pixels, if these are on the device already
  Augmentation augmentation{};  // none unless set
  std::uint64_t seed = 0;       // of the order and the augmentation
  std::int64_t first_batch = 0;  // the first batch of a resumed epoch
  Shards shards{};               // those that are read here
};

// The batches of one epoch over the samples `indices` of a store; of each batch one after the other
// the shards that options.shards names. The order does not depend on the shards.
class Loader {
 public:
  // The store must outlive the loader.
  Loader(const ImageStore& store, std::vector<std::int64_t> indices, const LoaderOptions& options,
         std::int64_t epoch = 0);
  ~Loader();
  Loader(const Loader&) = delete;
  Loader& operator=(const Loader&) = delete;

  std::int64_t batches() const;  // whole ones
  // The next shard of a batch (the last batch may be smaller); false at the end of the epoch.
  // Rethrows a worker's exception.
  bool next(Batch& batch);
  // Seconds that next() has waited for data.
  double seconds_waited() const;

 private:
  class Workers;
  std::unique_ptr<Workers> workers_;
};

}  // namespace osteon
