// Preparing images, the cache, augmentation and the loader: the same bytes for any number of
// workers and any cache, and clear errors.
#include "data/loader.h"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cmath>
#include <map>
#include <numbers>
#include <string>
#include <thread>
#include <vector>

#include "base/error.h"
#include "base/random.h"
#include "data/augment.h"
#include "data/cache.h"
#include "data/image/image.h"
#include "tests/support/size_limit.h"
#include "tests/support/temporary_folder.h"

using namespace osteon;
namespace fs = std::filesystem;

namespace {

constexpr std::int64_t kSize = 8;

Image picture(int seed) {
  Image image{11 + seed % 3, 9 + seed % 4, {}};
  for (std::int64_t i = 0; i < image.height * image.width; ++i)
    image.pixels.push_back(static_cast<std::uint8_t>((i * 37 + seed * 101) % 251));
  return image;
}

// `count` images 00.png, 01.png, ... in `folder`, every fifth in val, every sixth in test.
Manifest make_images(const fs::path& folder, int count) {
  Manifest manifest;
  manifest.root = folder;
  manifest.classes = {"normal", "abnormal"};
  for (int i = 0; i < count; ++i) {
    const std::string name = format(i < 10 ? "0" : "", i, ".png");
    write_png(folder / name, picture(i));
    const Split split = i % 5 == 4 ? Split::val : i % 6 == 5 ? Split::test : Split::train;
    manifest.samples.push_back({name, i % 2, name, name, "", split});
  }
  return manifest;
}

std::vector<std::uint8_t> read_from(const ImageStore& store, std::int64_t index) {
  std::vector<std::uint8_t> pixels(static_cast<std::size_t>(kSize * kSize));
  store.read(index, pixels.data());
  return pixels;
}

CacheOptions options_with(const std::string& cache, int workers, double max_bad = 1) {
  return {.image_size = kSize,
          .fit = Fit::stretch,
          .cache = cache,
          .workers = workers,
          .max_bad = max_bad};
}

std::string error_of(const Manifest& manifest, const CacheOptions& options) {
  try {
    prepare_images(manifest, options);
  } catch (const Error& error) {
    return error.what();
  }
  return "no error";
}

int count_files(const fs::path& folder) {
  int count = 0;
  for (const auto& entry : fs::directory_iterator(folder)) count += entry.is_regular_file();
  return count;
}

// All batches of one epoch of a loader, for comparison bit by bit.
struct Epoch {
  std::vector<std::vector<std::int64_t>> indices;
  std::vector<std::uint8_t> pixels;
  std::vector<float> matrices;
  bool operator==(const Epoch&) const = default;
};

Epoch load(const ImageStore& store, const std::vector<std::int64_t>& indices,
           const LoaderOptions& options, std::int64_t epoch) {
  Epoch all;
  Loader loader(store, indices, options, epoch);
  for (Batch batch; loader.next(batch);) {
    const auto count = static_cast<std::int64_t>(batch.indices.size());
    CHECK(batch.images.shape() == Shape({count, kSize, kSize, 1}));
    CHECK(batch.matrices.shape() == Shape({count, 2, 3}));
    all.indices.push_back(batch.indices);
    const auto* pixels = batch.images.data<std::uint8_t>();
    all.pixels.insert(all.pixels.end(), pixels, pixels + batch.images.numel());
    const auto* matrices = batch.matrices.data<float>();
    all.matrices.insert(all.matrices.end(), matrices, matrices + batch.matrices.numel());
  }
  CHECK(static_cast<std::int64_t>(all.indices.size()) == loader.batches());
  return all;
}

// A store that is slow for early images, so that later batches are ready first; it throws at one
// image.
class MadeUpStore : public ImageStore {
 public:
  explicit MadeUpStore(std::int64_t failing = -1) : failing_(failing) {}
  std::int64_t image_size() const override { return kSize; }
  void read(std::int64_t index, std::uint8_t* to) const override {
    if (index == failing_) throw Error("image " + std::to_string(index) + " is gone");
    if (index < 4) std::this_thread::sleep_for(std::chrono::milliseconds(5));
    std::fill_n(to, kSize * kSize, static_cast<std::uint8_t>(index));
  }

 private:
  std::int64_t failing_;
};

std::vector<std::int64_t> first_indices(std::int64_t count) {
  std::vector<std::int64_t> indices;
  for (std::int64_t i = 0; i < count; ++i) indices.push_back(i);
  return indices;
}

}  // namespace

TEST_CASE("images are the same for any cache and any number of workers") {
  const TemporaryFolder folder;
  const Manifest manifest = make_images(folder.path(), 23);
  const fs::path cache = folder.path() / "cache";
  double sum = 0, squares = 0, count = 0;
  for (int i = 0; i < 23; ++i) {
    if (manifest.samples[static_cast<std::size_t>(i)].split != Split::train) continue;
    for (const std::uint8_t level : resize(picture(i), kSize, kSize).pixels) {
      sum += level / 255.0;
      squares += level / 255.0 * (level / 255.0);
      count += 1;
    }
  }
  const double mean = sum / count, std = std::sqrt(squares / count - mean * mean);
  for (const std::string& kind :
       {std::string("none"), std::string("memory"), cache.string(), cache.string()})
    for (const int workers : {0, 1, 4}) {
      CAPTURE(kind);
      CAPTURE(workers);
      std::int64_t reported = 0;
      const PreparedImages prepared =
          prepare_images(manifest, options_with(kind, workers), [&](std::int64_t done) {
            CHECK(done >= reported);
            reported = done;
          });
      CHECK(reported == 23);
      CHECK(prepared.unreadable.empty());
      CHECK(prepared.store->image_size() == kSize);
      REQUIRE(prepared.manifest.samples.size() == 23);
      for (int i = 0; i < 23; ++i)
        CHECK(read_from(*prepared.store, i) == resize(picture(i), kSize, kSize).pixels);
      CHECK(prepared.mean == doctest::Approx(mean).epsilon(1e-12));
      CHECK(prepared.std == doctest::Approx(std).epsilon(1e-12));
    }
  CHECK(count_files(cache) == 1);
}

TEST_CASE("the cache folder: unchanged images are not decoded again, changed ones are") {
  const TemporaryFolder folder;
  Manifest manifest = make_images(folder.path(), 6);
  const fs::path cache = folder.path() / "cache";
  const CacheOptions options = options_with(cache.string(), 2);
  const auto pixels_of = [&](std::int64_t index) {
    return read_from(*prepare_images(manifest, options).store, index);
  };
  const auto before = pixels_of(0);

  // Other contents with the same size and time: only the cache can have the old ones.
  const fs::path file = folder.path() / "00.png";
  const auto time = fs::last_write_time(file);
  const auto size = fs::file_size(file);
  folder.write("00.png", std::string(size, 'x'));
  fs::last_write_time(file, time);
  CHECK(pixels_of(0) == before);
  CHECK(count_files(cache) == 1);

  // A changed file is seen; the others still come from the first cache file.
  write_png(file, picture(50));
  folder.write("01.png", std::string(fs::file_size(folder.path() / "01.png"), 'x'));
  fs::last_write_time(file, time + std::chrono::seconds(1));
  CHECK(pixels_of(0) == resize(picture(50), kSize, kSize).pixels);
  CHECK(count_files(cache) == 2);

  // So is one of the same size: 01.png is no longer an image.
  const Manifest whole = prepare_images(manifest, options).manifest;
  CHECK(whole.samples.size() == 5);
  CHECK(whole.samples[1].path == "02.png");

  // A part of the set, and then the whole set again, decode nothing.
  manifest.samples.resize(2);
  prepare_images(manifest, options);
  manifest = whole;
  prepare_images(manifest, options);
  CHECK(count_files(cache) == 2);

  // Another fit and another size are other images.
  CacheOptions padded = options, larger = options;
  padded.fit = Fit::pad;
  larger.image_size = 16;
  CHECK(read_from(*prepare_images(manifest, padded).store, 0) ==
        fit_image(picture(50), kSize, Fit::pad).pixels);
  prepare_images(manifest, larger);
  CHECK(count_files(cache) == 4);
  CHECK(pixels_of(0) == resize(picture(50), kSize, kSize).pixels);
}

TEST_CASE(
    "images of a damaged cache file are decoded again, an abandoned one removed, a file in place "
    "of a folder an error") {
  const TemporaryFolder folder;
  const Manifest manifest = make_images(folder.path(), 3);
  const fs::path cache = folder.path() / "cache";
  const CacheOptions options = options_with(cache.string(), 1);
  fs::create_directories(cache);
  folder.write("cache/.writing-1-2", "half");
  prepare_images(manifest, options);
  REQUIRE(count_files(cache) == 1);
  const fs::path file = fs::directory_iterator(cache)->path();
  std::ifstream stream(file, std::ios::binary);
  const std::string good((std::istreambuf_iterator<char>(stream)), {});
  const std::vector<std::uint8_t> pixels = read_from(*prepare_images(manifest, options).store, 1);
  const auto changed_at = [&](std::size_t place) {
    std::string bytes = good;
    bytes[place] = static_cast<char>(bytes[place] + 1);
    return bytes;
  };
  // Header, table of entries, and the first and last pixel of image 1.
  for (const std::string& contents :
       {std::string(), std::string("text"), good.substr(0, good.size() - 1), changed_at(0),
        changed_at(9), changed_at(20), changed_at(40), changed_at(50),
        changed_at(4096 + kSize * kSize), changed_at(good.size() - kSize * kSize - 1),
        "OSTEONC1" + good.substr(8)}) {
    folder.write("cache/" + file.filename().string(), contents);
    CHECK(read_from(*prepare_images(manifest, options).store, 1) == pixels);
  }
  const fs::path not_a_folder = folder.write("plain", "x");
  CHECK(error_of(manifest, options_with(not_a_folder.string(), 1))
            .find("cache " + not_a_folder.string() + ": ") == 0);
}

TEST_CASE("a full disk is a clear error that leaves nothing behind") {
  const TemporaryFolder folder;
  const Manifest manifest = make_images(folder.path(), 100);
  const fs::path cache = folder.path() / "cache";
  for (const rlim_t limit : {0U, 100U, 4096U, 7000U}) {
    CAPTURE(limit);
    std::string error;
    {
      const SizeLimit full(limit);
      error = error_of(manifest, options_with(cache.string(), 3));
    }
    CHECK(error.find("cache " + cache.string() + ": write: ") == 0);
    CHECK(count_files(cache) == 0);
  }
}

TEST_CASE("a cache file that another run is writing stays") {
  const TemporaryFolder folder;
  const Manifest manifest = make_images(folder.path(), 2);
  const fs::path other = folder.write("cache/.writing-1-0", "half");
  const int descriptor = ::open(other.c_str(), O_RDONLY);
  REQUIRE(::flock(descriptor, LOCK_EX) == 0);
  const CacheOptions options = options_with((folder.path() / "cache").string(), 1);
  prepare_images(manifest, options);
  CHECK(fs::exists(other));
  ::close(descriptor);
  prepare_images(manifest, options);
  CHECK(!fs::exists(other));
}

TEST_CASE("unreadable images are named, counted and left out") {
  const TemporaryFolder folder;
  Manifest manifest = make_images(folder.path(), 20);
  fs::remove(folder.path() / "03.png");
  folder.write("08.png", "");
  folder.write("12.png", "not an image");
  for (const std::string& kind :
       {std::string("none"), std::string("memory"), (folder.path() / "cache").string(),
        (folder.path() / "cache").string()})
    for (const int workers : {1, 3}) {
      CAPTURE(kind);
      const PreparedImages prepared =
          prepare_images(manifest, options_with(kind, workers, 3.0 / 20));
      REQUIRE(prepared.unreadable.size() == 3);
      CHECK(prepared.unreadable[0].path == "03.png");
      CHECK(prepared.unreadable[0].reason ==
            (folder.path() / "03.png").string() + ": no such file");
      CHECK(prepared.unreadable[1].reason ==
            (folder.path() / "08.png").string() + ": the file is empty");
      CHECK(prepared.unreadable[2].path == "12.png");
      REQUIRE(prepared.manifest.samples.size() == 17);
      CHECK(prepared.manifest.samples[3].path == "04.png");
      CHECK(read_from(*prepared.store, 3) == resize(picture(4), kSize, kSize).pixels);
      CHECK(read_from(*prepared.store, 16) == resize(picture(19), kSize, kSize).pixels);
    }
  const std::string error = error_of(manifest, options_with("memory", 2, 0.1));
  CHECK(error.find("3 of 20 images cannot be read, more than the 10 %") == 0);
  CHECK(error.find("03.png: no such file") != std::string::npos);

  for (Sample& sample : manifest.samples)
    sample.split = sample.path == "03.png" || sample.path == "12.png" ? Split::val : Split::train;
  CHECK(error_of(manifest, options_with("none", 2)) ==
        "split val becomes empty: none of its 2 images can be read");
}

TEST_CASE("a progress callback that throws ends the preparation") {
  const TemporaryFolder folder;
  const Manifest manifest = make_images(folder.path(), 4);
  const CacheOptions options = options_with((folder.path() / "cache").string(), 2);
  struct Interrupted {};
  CHECK_THROWS_AS(prepare_images(manifest, options, [](std::int64_t) { throw Interrupted(); }),
                  Interrupted);
  CHECK(count_files(folder.path() / "cache") == 0);
}

TEST_CASE("order and content do not depend on the number of workers") {
  const MadeUpStore store;
  struct Row {
    std::int64_t samples, batch_size, batches;
    bool shuffle;
  };
  for (const Row& row : {Row{10, 4, 3, false}, Row{10, 4, 3, true}, Row{12, 4, 3, true},
                         Row{1, 8, 1, true}, Row{0, 8, 0, true}, Row{97, 3, 33, true}}) {
    LoaderOptions options{.batch_size = row.batch_size,
                          .image_size = kSize,
                          .workers = 0,
                          .shuffle = row.shuffle,
                          .augmentation = augmentation_from_name("default"),
                          .seed = 5};
    const auto indices = first_indices(row.samples);
    std::vector<Epoch> epochs;
    for (const std::int64_t epoch : {0, 1}) {
      options.workers = 0;
      epochs.push_back(load(store, indices, options, epoch));
      for (const int workers : {1, 2, 4}) {
        options.workers = workers;
        CHECK(load(store, indices, options, epoch) == epochs.back());
      }
      // Each image occurs once, with its own pixels, index and matrix.
      CHECK(static_cast<std::int64_t>(epochs.back().indices.size()) == row.batches);
      std::vector<std::int64_t> seen;
      for (const auto& batch : epochs.back().indices)
        seen.insert(seen.end(), batch.begin(), batch.end());
      for (std::size_t i = 0; i < seen.size(); ++i) {
        CHECK(epochs.back().pixels[i * kSize * kSize] == seen[i]);
        const AffineMatrix matrix =
            draw_affine(options.augmentation, kSize, options.seed, epoch, seen[i]);
        CHECK(std::equal(matrix.begin(), matrix.end(),
                         epochs.back().matrices.begin() + static_cast<std::ptrdiff_t>(i * 6)));
      }
      const std::vector<std::int64_t> in_order = seen;
      std::ranges::sort(seen);
      CHECK(seen == indices);
      if (!row.shuffle) CHECK(in_order == indices);
    }
    if (row.samples > 2) CHECK((epochs[0].indices != epochs[1].indices) == row.shuffle);
  }
}

TEST_CASE("another seed gives another order and another augmentation") {
  const MadeUpStore store;
  LoaderOptions options{.batch_size = 4,
                        .image_size = kSize,
                        .workers = 2,
                        .shuffle = true,
                        .augmentation = augmentation_from_name("default"),
                        .seed = 1};
  const Epoch one = load(store, first_indices(40), options, 0);
  options.seed = 2;
  const Epoch two = load(store, first_indices(40), options, 0);
  CHECK(one.indices != two.indices);
  CHECK(one.matrices != two.matrices);
}

TEST_CASE("a worker's exception reaches the consumer in order") {
  const MadeUpStore store(5);
  for (const int workers : {0, 1, 4}) {
    CAPTURE(workers);
    Loader loader(store, first_indices(12),
                  {.batch_size = 2, .image_size = kSize, .workers = workers});
    Batch batch;
    CHECK(loader.next(batch));
    CHECK(loader.next(batch));
    CHECK_THROWS_WITH_AS(loader.next(batch), "image 5 is gone", Error);
  }
}

TEST_CASE("a consumer may stop early, and its waiting time is counted") {
  const MadeUpStore store;
  for (const int workers : {0, 1, 4}) {
    Loader loader(store, first_indices(1000),
                  {.batch_size = 2, .image_size = kSize, .workers = workers});
    CHECK(loader.seconds_waited() == 0);
    Batch batch;
    CHECK(loader.next(batch));
    CHECK(loader.seconds_waited() > 0.002);  // images 0 and 1 take 5 ms each
  }
  CHECK_THROWS_AS(Loader(store, {0}, {.batch_size = 0, .image_size = kSize}), Error);
  CHECK_THROWS_AS(Loader(store, {0}, {.image_size = kSize, .workers = -1}), Error);
  CHECK_THROWS_AS(Loader(store, {0}, {.image_size = kSize + 1}), Error);
}

TEST_CASE("the number of batches made ahead is limited") {
  // Counts the images read: if a consumer takes one batch and waits, few more are read.
  class CountingStore : public ImageStore {
   public:
    std::int64_t image_size() const override { return kSize; }
    void read(std::int64_t, std::uint8_t* to) const override {
      ++reads;
      std::fill_n(to, kSize * kSize, std::uint8_t{0});
    }
    mutable std::atomic<int> reads{0};
  } store;
  Loader loader(store, first_indices(1000), {.batch_size = 1, .image_size = kSize, .workers = 3});
  Batch batch;
  CHECK(loader.next(batch));
  std::this_thread::sleep_for(std::chrono::milliseconds(50));
  CHECK(store.reads >= 2);
  CHECK(store.reads <= 1 + 3 + 2);
}

TEST_CASE("affine maps") {
  const auto map = [](const AffineMatrix& m, double x, double y) {
    return std::array{m[0] * x + m[1] * y + m[2], m[3] * x + m[4] * y + m[5]};
  };
  const auto only = [](Augmentation augmentation) {
    return draw_affine(augmentation, 101, 3, 0, 7);
  };
  CHECK(only({}) == kIdentity);

  // A mirror: the left edge comes from the right one.
  const AffineMatrix mirror = only({.flip = 1});
  CHECK(map(mirror, 0, 30) == std::array{100.0, 30.0});

  // A rotation keeps the centre and all distances, and its angle is within bounds.
  const AffineMatrix rotation = only({.rotation = 15});
  CHECK(map(rotation, 50, 50)[0] == doctest::Approx(50));
  CHECK(map(rotation, 50, 50)[1] == doctest::Approx(50));
  CHECK(rotation[0] * rotation[0] + rotation[1] * rotation[1] == doctest::Approx(1));
  CHECK(rotation[0] * rotation[4] - rotation[1] * rotation[3] == doctest::Approx(1));
  CHECK(rotation[0] >= std::cos(15 * 3.1416 / 180));
  CHECK(rotation[1] != 0);

  // A scaling keeps the centre; the same draw with twice the range is twice as far from 1.
  const double once = 1 / only({.scale = 0.1})[0], twice = 1 / only({.scale = 0.2})[0];
  CHECK(twice - 1 == doctest::Approx(2 * (once - 1)).epsilon(1e-5));
  CHECK(map(only({.scale = 0.1}), 50, 50)[0] == doctest::Approx(50));

  // A shift moves every point equally, along each axis by its own draw of at most its share of the
  // side.
  const AffineMatrix shift = only({.shift = 0.1});
  CHECK(shift[0] == 1);
  CHECK(shift[1] == 0);
  CHECK(std::abs(shift[2]) <= 10.1);
  CHECK(std::abs(shift[5]) <= 10.1);
  CHECK(shift[2] != shift[5]);

  // All of them: the determinant is that of the scaling and the mirror. Over many draws both signs
  // occur, and the bounds are kept and nearly reached.
  double smallest = 10, largest = 0, flipped = 0;
  const int draws = 2000;
  for (int i = 0; i < draws; ++i) {
    const AffineMatrix m = draw_affine(augmentation_from_name("default"), 101, 0, 1, i);
    const double determinant = m[0] * m[4] - m[1] * m[3];
    const double scale = 1 / std::sqrt(std::abs(determinant));
    smallest = std::min(smallest, scale);
    largest = std::max(largest, scale);
    flipped += determinant < 0;
    CHECK(std::abs(std::atan2(m[3], m[4])) <= 15.001 * 3.14159265 / 180);
  }
  CHECK(smallest > 0.8999);
  CHECK(smallest < 0.905);
  CHECK(largest < 1.1001);
  CHECK(largest > 1.095);
  CHECK(std::abs(flipped / draws - 0.5) < 0.05);
  CHECK_THROWS_AS(augmentation_from_name("strong"), UsageError);
}

// A point goes to centre + shift + scale R mirror (point - centre) with R the rotation. This tells
// the directions of the angle and the shift, and the order of the steps.
TEST_CASE("affine maps lead back from the place to which a point goes") {
  struct Row {
    const char* name;
    Augmentation augmentation;
  };
  const Row rows[] = {{"rotation", {.rotation = 30}},
                      {"rotation of a mirror image", {.flip = 1, .rotation = 30}},
                      {"shift", {.shift = 0.1}},
                      {"shift of a larger or smaller image", {.scale = 0.2, .shift = 0.1}},
                      {"all", {.flip = 1, .rotation = 30, .scale = 0.2, .shift = 0.1}}};
  constexpr std::int64_t kSide = 101, kIndex = 7;
  constexpr double kCentre = 50;
  for (const Row& row : rows) {
    CAPTURE(std::string(row.name));
    const Augmentation& most = row.augmentation;
    // The draws in their order.
    RandomStream draws(3 ^ hash_name("augment"), 0, kIndex);
    const double mirror = draws.uniform() < most.flip ? -1 : 1;
    const double angle = draws.uniform(-most.rotation, most.rotation) * std::numbers::pi / 180;
    const double scale = 1 + draws.uniform(-most.scale, most.scale);
    const double shift_x = kSide * draws.uniform(-most.shift, most.shift);
    const double shift_y = kSide * draws.uniform(-most.shift, most.shift);
    const AffineMatrix m = draw_affine(most, kSide, 3, 0, kIndex);
    for (const auto& [x, y] : {std::array{50.0, 50.0}, {80.0, 50.0}, {50.0, 20.0}, {3.0, 99.0}}) {
      const double right = mirror * (x - kCentre), down = y - kCentre;
      const double to_x =
          kCentre + shift_x + scale * (std::cos(angle) * right - std::sin(angle) * down);
      const double to_y =
          kCentre + shift_y + scale * (std::sin(angle) * right + std::cos(angle) * down);
      CHECK(m[0] * to_x + m[1] * to_y + m[2] == doctest::Approx(x).epsilon(1e-4));
      CHECK(m[3] * to_x + m[4] * to_y + m[5] == doctest::Approx(y).epsilon(1e-4));
    }
  }
}

TEST_CASE("changes of an image: their ranges, and that each has a stream of its own") {
  constexpr std::int64_t kSide = 101;
  constexpr int kDraws = 3000;
  const auto draw = [](const Augmentation& augmentation, std::int64_t index) {
    return draw_change(augmentation, kSide, 3, 1, index);
  };
  // Without jitter, erasing and TrivialAugment only the map remains.
  const Augmentation plain = augmentation_from_name("default");
  Augmentation all = plain;
  all.jitter = 0.2;
  all.erase = 0.25;
  int erased = 0;
  double least = 2, most = 0;
  for (std::int64_t i = 0; i < kDraws; ++i) {
    const ImageChange change = draw(plain, i), changed = draw(all, i);
    CHECK(change.matrix == draw_affine(plain, kSide, 3, 1, i));
    CHECK(changed.matrix == change.matrix);
    CHECK(change.brightness == 1);
    CHECK(change.erased.area() == 0);
    for (const float level : {changed.brightness, changed.contrast}) {
      CHECK(std::abs(level - 1) <= 0.2001);
      least = std::min<double>(least, level);
      most = std::max<double>(most, level);
    }
    const Box& box = changed.erased;
    if (box.area() == 0) continue;
    ++erased;
    CHECK(box.top >= 0);
    CHECK(box.left >= 0);
    CHECK(box.bottom <= kSide);
    CHECK(box.right <= kSide);
    CHECK(static_cast<double>(box.area()) <= 0.36 * kSide * kSide);
  }
  CHECK(std::abs(erased / double{kDraws} - 0.25) < 0.03);
  CHECK(least < 0.81);
  CHECK(most > 1.19);

  // TrivialAugment makes one of eight changes, besides the mirror.
  const Augmentation trivial = augmentation_from_name("trivial");
  std::map<std::string, int> kinds;
  for (std::int64_t i = 0; i < kDraws; ++i) {
    const ImageChange change = draw(trivial, i);
    AffineMatrix m = change.matrix;
    if (m[0] * m[4] - m[1] * m[3] < 0) m = {-m[0], -m[1], 100 - m[2], m[3], m[4], m[5]};
    const bool is_rotated = m[1] != 0 && m[3] != 0;
    if (is_rotated)
      CHECK(std::abs(std::atan2(m[3], m[4])) <= 30.001 * 3.14159265 / 180);
    else if (m[1] != 0 || m[3] != 0)
      CHECK(std::abs(m[1] + m[3]) <= 0.3001);
    else
      CHECK(std::abs(m[2]) + std::abs(m[5]) <= 0.3001 * kSide);
    const bool is_shifted = m[1] == 0 && m[3] == 0;
    ++kinds[change.brightness != 1                ? "brightness"
            : change.contrast != 1                ? "contrast"
            : is_rotated                          ? "rotation"
            : m[1] != 0                           ? "shear x"
            : m[3] != 0                           ? "shear y"
            : is_shifted && std::abs(m[2]) > 1e-3 ? "shift x"
            : is_shifted && std::abs(m[5]) > 1e-3 ? "shift y"
                                                  : "none"];
  }
  CHECK(kinds.size() == 8);
  for (const auto& kind : kinds) {
    CAPTURE(kind.first);
    CHECK(std::abs(kind.second / double{kDraws} - 0.125) < 0.03);
  }
}
