// Shards in one process: the division of batches, sums in the order of a tree, running statistics,
// and runs with the same weights for any division of the work. tests/train/processes_test.cpp has
// several processes.
#include "data/shards.h"

#include <doctest/doctest.h>

#include <map>
#include <numeric>

#include "data/loader.h"
#include "nn/init.h"
#include "nn/layers.h"
#include "ops/ops.h"
#include "optim/sgd.h"
#include "tests/support/tiny_run.h"
#include "train/trainer.h"
#include "train/training_step.h"

using namespace osteon;

namespace {

class NumberedStore : public ImageStore {
 public:
  std::int64_t image_size() const override { return 1; }
  void read(std::int64_t index, std::uint8_t* to) const override {
    *to = static_cast<std::uint8_t>(index);
  }
};

// The samples of an epoch, by batch and shard, as one loader per process delivers them.
std::vector<std::vector<std::int64_t>> epoch_of(std::int64_t total, std::int64_t processes,
                                                int workers, std::int64_t first_batch = 0) {
  const NumberedStore store;
  std::vector<std::int64_t> indices(43);
  std::iota(indices.begin(), indices.end(), 0);
  std::map<std::pair<std::int64_t, std::int64_t>, std::vector<std::int64_t>> shards;
  for (std::int64_t rank = 0; rank < processes; ++rank) {
    const std::int64_t count = total / processes;
    Loader loader(store, indices,
                  {.batch_size = 16,
                   .image_size = 1,
                   .workers = workers,
                   .shuffle = true,
                   .seed = 3,
                   .first_batch = first_batch,
                   .shards = {total, rank * count, count}},
                  /*epoch=*/1);
    std::int64_t number = 0;
    for (Batch batch; loader.next(batch); ++number) {
      CHECK(batch.whole == (first_batch + number / count < 2 ? 16 : 11));
      CHECK(batch.rows.end - batch.rows.begin == static_cast<std::int64_t>(batch.indices.size()));
      shards[{number / count, batch.shard}] = batch.indices;
    }
  }
  std::vector<std::vector<std::int64_t>> epoch;
  for (const auto& [place, samples] : shards) epoch.push_back(samples);
  return epoch;
}

// A model with statistics, a batch for each shard, and a step over them.
struct Training {
  explicit Training(std::int64_t shards) : count(shards) {
    model.append<Conv2d>(3, 4, 3);
    model.append<BatchNorm2d>(4);
    initialise_parameters(model, 1);
    model.train();
    optimizer.emplace(
        std::vector<ParameterGroup>{{.parameters = model.named_parameters(), .lr = 0.1}},
        SGDOptions{.momentum = 0});
  }

  // Rows of the whole batch per shard; each is a batch in turn, `accumulate` times.
  TrainingResult step(const std::vector<std::int64_t>& rows, std::int64_t accumulate = 1) {
    TrainingStep training_step(
        model, *optimizer, [this](const Tensors& inputs) { return mean(square(model(inputs[0]))); },
        {.batch_size = 8, .shards = {count, 0, count}});
    std::int64_t whole = 0;
    for (const std::int64_t each : rows) whole += each;
    std::vector<TrainingBatch> batches;
    std::int64_t begin = 0;
    for (std::int64_t shard = 0; shard < count; ++shard) {
      const std::int64_t here = rows[static_cast<std::size_t>(shard)];
      for (std::int64_t i = 0; i < accumulate; ++i)
        batches.push_back({.inputs = {images(begin, here, i)},
                           .samples = std::vector<std::int64_t>(static_cast<std::size_t>(here)),
                           .shard = shard,
                           .begin = begin,
                           .whole = whole});
      begin += here;
    }
    training_step.issue(batches);
    return *training_step.take_result(true);
  }

  static Tensor images(std::int64_t begin, std::int64_t count, std::int64_t batch) {
    RandomStream random(9, static_cast<std::uint64_t>(batch));
    std::vector<double> values(8 * 5 * 5 * 3);
    for (double& value : values) value = random.uniform(-1, 1);
    return from_vector(values, {8, 5, 5, 3}).rows(begin, begin + count).clone();
  }

  const std::int64_t count;
  Sequential model;
  std::optional<SGD> optimizer;
};

std::vector<std::vector<double>> values_of(const NamedTensorList& tensors) {
  std::vector<std::vector<double>> values;
  for (const auto& [name, tensor] : tensors) values.push_back(tensor.to_vector());
  return values;
}

}  // namespace

TEST_CASE("a batch is divided into equal rows, in order") {
  struct Row {
    std::int64_t rows, total;
    std::vector<std::int64_t> sizes;
  };
  for (const Row& row : {Row{16, 4, {4, 4, 4, 4}}, Row{11, 4, {2, 3, 3, 3}}, Row{5, 2, {2, 3}},
                         Row{7, 1, {7}}, Row{2, 4, {0, 1, 0, 1}}}) {
    CAPTURE(row.rows);
    std::int64_t end = 0;
    for (std::int64_t shard = 0; shard < row.total; ++shard) {
      const Rows rows = rows_of_shard(row.rows, shard, row.total);
      CHECK(rows.begin == end);
      CHECK(rows.end - rows.begin == row.sizes[static_cast<std::size_t>(shard)]);
      end = rows.end;
    }
    CHECK(end == row.rows);
  }
}

TEST_CASE("the order of an epoch does not depend on processes and workers") {
  const auto whole = epoch_of(1, 1, 0), shards = epoch_of(4, 1, 0);
  CHECK(shards.size() == 12);
  std::vector<std::int64_t> all_whole, all_shards;
  for (const auto& batch : whole) all_whole.insert(all_whole.end(), batch.begin(), batch.end());
  for (const auto& batch : shards) all_shards.insert(all_shards.end(), batch.begin(), batch.end());
  CHECK(all_whole == all_shards);
  for (const std::int64_t processes : {1, 2, 4})
    for (const int workers : {0, 1, 3}) CHECK(epoch_of(4, processes, workers) == shards);
  const auto resumed = epoch_of(4, 2, 1, 1);
  CHECK(std::ranges::equal(resumed, std::span(shards).subspan(4)));
}

TEST_CASE("gradients are summed in the order of a binary tree") {
  for (const std::int64_t accumulate : {1, 2}) {
    CAPTURE(accumulate);
    Training training(4);
    const auto before = values_of(training.model.named_parameters());
    training.step({2, 2, 2, 2}, accumulate);
    // The gradient of each shard alone, as the first of a step with the same share.
    std::vector<Tensors> gradients;
    for (std::int64_t shard = 0; shard < 4; ++shard) {
      Training alone(1);
      for (std::int64_t i = 0; i < accumulate; ++i) {
        const Tensor loss = mean(square(alone.model(Training::images(2 * shard, 2, i))));
        backward(loss * (1.0 / (4.0 * static_cast<double>(accumulate))));
      }
      Tensors of_shard;
      for (const auto& [name, parameter] : alone.model.named_parameters())
        of_shard.push_back(parameter.grad().clone());
      gradients.push_back(of_shard);
    }
    const NamedTensorList parameters = training.model.named_parameters();
    CHECK(values_of(parameters) != before);
    for (std::size_t i = 0; i < parameters.size(); ++i) {
      CAPTURE(parameters[i].first);
      const Tensor tree = (gradients[0][i] + gradients[1][i]) + (gradients[2][i] + gradients[3][i]);
      CHECK(parameters[i].second.grad().to_vector() == tree.to_vector());
    }
  }
}

TEST_CASE("loss, gradients and running statistics count every image once") {
  Training shards(2), whole(1);
  const TrainingResult result = shards.step({3, 5});
  CHECK(result.counts == std::vector<std::int64_t>{8});
  const double first = mean(square(whole.model(Training::images(0, 3, 0)))).item();
  const auto after_first = whole.model.named_buffers();
  const std::vector<double> mean_of_first = after_first[0].second.to_vector();
  Training other(1);
  const double second = mean(square(other.model(Training::images(3, 5, 0)))).item();
  CHECK(result.losses[0] == doctest::Approx(3.0 / 8 * first + 5.0 / 8 * second).epsilon(1e-6));
  const std::vector<double> mean_of_second = other.model.named_buffers()[0].second.to_vector();
  const std::vector<double> means = shards.model.named_buffers()[0].second.to_vector();
  for (std::size_t c = 0; c < means.size(); ++c)
    CHECK(means[c] ==
          doctest::Approx(3.0 / 8 * mean_of_first[c] + 5.0 / 8 * mean_of_second[c]).epsilon(1e-5));
  CHECK(shards.model.named_buffers()[2].second.item() == 1);  // num_batches_tracked
}

TEST_CASE("random draws of layers depend on the place in the whole batch") {
  std::vector<double> losses;
  for (std::int64_t shards = 1; shards <= 4; shards *= 2) {
    Sequential model;
    model.append<Dropout>(0.5);
    model.append<Linear>(64, 1);
    initialise_parameters(model, 1);
    model.train();
    SGD optimizer({{.parameters = model.named_parameters(), .lr = 0}});
    TrainingStep step(model, optimizer,
                      [&](const Tensors& inputs) { return mean(square(model(inputs[0]))); },
                      {.batch_size = 8, .seed = 7, .shards = {shards, 0, shards}});
    const Tensor images = full({8 / shards, 64}, 1);
    std::vector<TrainingBatch> batches;
    for (std::int64_t shard = 0; shard < shards; ++shard)
      for (std::int64_t batch = 0; batch < 2; ++batch)
        batches.push_back(
            {.inputs = {images},
             .samples = std::vector<std::int64_t>(static_cast<std::size_t>(8 / shards)),
             .shard = shard,
             .begin = shard * 8 / shards,
             .whole = 8});
    step.issue(batches);
    const TrainingResult result = *step.take_result(true);
    losses.insert(losses.end(), result.losses.begin(), result.losses.end());
  }
  REQUIRE(losses.size() == 6);
  CHECK(losses[0] != losses[1]);
  for (std::size_t i = 2; i < 6; ++i)
    CHECK(losses[i] == doctest::Approx(losses[i % 2]).epsilon(1e-6));
}

TEST_CASE("one shard is the same as none; four of two images are not one of eight") {
  const TemporaryFolder folder;
  write_tiny_data(folder.path() / "data");
  const auto run = [&](const std::string& name, std::int64_t shards, std::int64_t batch_size) {
    TrainOptions options = tiny_options(folder.path() / "data", folder.path() / name);
    options.width = 4;
    options.epochs = 1;
    options.shards = shards;
    options.batch_size = batch_size;
    options.mixup = 0.2;
    Trainer(options).train();
    return record_of(folder.path() / name);
  };
  const RunRecord none = run("none", 0, 8);
  CHECK(run("one", 1, 8) == none);
  const RunRecord four = run("four", 4, 2);
  CHECK(four != none);
  CHECK(run("again", 4, 2) == four);
}
