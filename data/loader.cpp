// The worker threads: each takes the next shard of a batch that no other has begun and stores it at
// its place in the order. At most a few of them are ahead of the consumer.
#include "data/loader.h"

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <exception>
#include <map>
#include <mutex>
#include <stop_token>
#include <thread>
#include <utility>

#include "base/error.h"
#include "base/random.h"

namespace osteon {

class Loader::Workers {
 public:
  Workers(const ImageStore& store, std::vector<std::int64_t> indices, const LoaderOptions& options,
          std::int64_t epoch)
      : store_(store), indices_(std::move(indices)), options_(options), epoch_(epoch) {
    OSTEON_CHECK(options_.batch_size >= 1, "loader: batch size ", options_.batch_size,
                 ", must be at least 1");
    OSTEON_CHECK(options_.workers >= 0, "loader: ", options_.workers, " workers");
    OSTEON_CHECK(options_.image_size == store.image_size(), "loader: image size ",
                 options_.image_size, ", but the store has ", store.image_size());
    OSTEON_CHECK(options_.first_batch >= 0 && options_.first_batch <= batches(), "loader: batch ",
                 options_.first_batch, " is outside of an epoch of ", batches());
    begun_ = delivered_ = options_.first_batch * options_.shards.count;
    if (options_.shuffle) shuffle();
    for (int i = 0; i < options_.workers; ++i)
      threads_.emplace_back([this](const std::stop_token& stop) { work(stop); });
  }

  std::int64_t batches() const {
    const auto samples = static_cast<std::int64_t>(indices_.size());
    return (samples + options_.batch_size - 1) / options_.batch_size;
  }

  bool next(Batch& batch) {
    if (delivered_ == pieces()) return false;
    const auto start = std::chrono::steady_clock::now();
    batch = threads_.empty() ? make(delivered_++) : wait_for(delivered_);
    seconds_waited_ +=
        std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    return true;
  }

  double seconds_waited() const { return seconds_waited_; }

 private:
  void shuffle() {
    RandomStream random(options_.seed ^ hash_name("shuffle"), static_cast<std::uint64_t>(epoch_));
    std::vector<std::int64_t> shuffled;
    for (const std::int64_t i : permutation(static_cast<std::int64_t>(indices_.size()), random))
      shuffled.push_back(indices_[static_cast<std::size_t>(i)]);
    indices_ = std::move(shuffled);
  }

  // All batches, one per shard that is read here.
  std::int64_t pieces() const { return batches() * options_.shards.count; }

  Batch make(std::int64_t piece) const {
    const auto samples = static_cast<std::int64_t>(indices_.size());
    const Shards& shards = options_.shards;
    const std::int64_t begin = piece / shards.count * options_.batch_size;
    Batch batch;
    batch.shard = shards.first + piece % shards.count;
    batch.whole = std::min(options_.batch_size, samples - begin);
    batch.rows = rows_of_shard(batch.whole, batch.shard, shards.total);
    const std::int64_t size = options_.image_size, count = batch.rows.end - batch.rows.begin;
    batch.matrices = Tensor({count, 2, 3}, DType::f32);
    if (options_.images) batch.images = Tensor({count, size, size, 1}, DType::u8);
    for (std::int64_t i = 0; i < count; ++i) {
      const std::int64_t index = indices_[static_cast<std::size_t>(begin + batch.rows.begin + i)];
      if (options_.images) store_.read(index, batch.images.data<std::uint8_t>() + i * size * size);
      batch.changes.push_back(
          draw_change(options_.augmentation, size, options_.seed, epoch_, index));
      std::ranges::copy(batch.changes.back().matrix, batch.matrices.data<float>() + i * 6);
      batch.indices.push_back(index);
    }
    return batch;
  }

  void work(const std::stop_token& stop) {
    for (;;) {
      std::int64_t number = 0;
      {
        std::unique_lock lock(mutex_);
        const auto may_begin = [this] { return begun_ == pieces() || begun_ < limit(); };
        if (!changed_.wait(lock, stop, may_begin) || stop.stop_requested()) return;
        if (begun_ == pieces()) return;
        number = begun_++;
      }
      Slot slot;
      try {
        slot.batch = make(number);
      } catch (...) {
        slot.error = std::current_exception();
      }
      {
        const std::lock_guard lock(mutex_);
        ready_.emplace(number, std::move(slot));
      }
      changed_.notify_all();
    }
  }

  Batch wait_for(std::int64_t number) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return ready_.contains(number); });
    Slot slot = std::move(ready_.extract(number).mapped());
    ++delivered_;
    lock.unlock();
    changed_.notify_all();
    if (slot.error) std::rethrow_exception(slot.error);
    return std::move(slot.batch);
  }

  // The first batch that may not begin yet: this limits the memory of waiting batches.
  std::int64_t limit() const { return delivered_ + options_.workers + 2; }

  struct Slot {
    Batch batch;
    std::exception_ptr error;
  };

  const ImageStore& store_;
  std::vector<std::int64_t> indices_;
  const LoaderOptions options_;
  const std::int64_t epoch_;

  std::mutex mutex_;  // guards the members below
  std::condition_variable_any changed_;
  std::map<std::int64_t, Slot> ready_;
  std::int64_t begun_ = 0, delivered_ = 0;

  double seconds_waited_ = 0;          // the consumer's own
  std::vector<std::jthread> threads_;  // last member: joined before the members they use end
};

Loader::Loader(const ImageStore& store, std::vector<std::int64_t> indices,
               const LoaderOptions& options, std::int64_t epoch)
    : workers_(std::make_unique<Workers>(store, std::move(indices), options, epoch)) {}
Loader::~Loader() = default;
std::int64_t Loader::batches() const { return workers_->batches(); }
bool Loader::next(Batch& batch) { return workers_->next(batch); }
double Loader::seconds_waited() const { return workers_->seconds_waited(); }

}  // namespace osteon
