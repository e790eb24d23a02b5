// Callbacks see every step and epoch, may end a run and have state in it; early stopping; and the
// random draws of layers within a step of several batches.
#include "train/trainer.h"

#include <doctest/doctest.h>

#include "nn/init.h"
#include "nn/layers.h"
#include "ops/ops.h"
#include "optim/sgd.h"
#include "tests/support/message_of.h"
#include "tests/support/tiny_run.h"
#include "train/early_stopping.h"

using namespace osteon;

namespace {

// Counts events, and stops after a number of epochs, over all parts of a resumed run.
class Counter : public TrainingCallback {
 public:
  explicit Counter(std::int64_t limit) : limit_(limit) {}

  void on_step(const StepEvent& event) override {
    ++steps;
    CHECK(event.step == steps + 3 * before_);
    CHECK(event.total_steps == 12);
    CHECK(event.epoch == epochs + 1);
  }
  void on_epoch(const EpochEvent& event) override {
    CHECK(event.epoch == ++epochs);
    CHECK(event.step == 3 * epochs);
    CHECK(event.score.first == "AUROC");
  }
  std::string stop_reason() const override { return epochs >= limit_ ? "enough" : ""; }
  std::string name() const override { return "counter"; }
  nlohmann::ordered_json state() const override { return epochs; }
  void load_state(const nlohmann::ordered_json& state) override { before_ = epochs = state; }

  std::int64_t steps = 0, epochs = 0;

 private:
  std::int64_t limit_, before_ = 0;
};

}  // namespace

TEST_CASE("callbacks see every step and epoch, end a run, and continue with it") {
  const TemporaryFolder folder;
  write_tiny_data(folder.path() / "data");
  TrainOptions options = tiny_options(folder.path() / "data", folder.path() / "run");
  options.width = 4;
  options.epochs = 4;
  struct Part {
    std::int64_t limit, steps, epochs;
  };
  for (const Part& part : {Part{2, 6, 2}, Part{2, 0, 2}, Part{3, 3, 3}, Part{9, 3, 4}}) {
    CAPTURE(part.limit);
    Trainer trainer(options);
    const auto counter = std::make_shared<Counter>(part.limit);
    trainer.add_callback(counter);
    trainer.train();
    CHECK(counter->steps == part.steps);
    CHECK(counter->epochs == part.epochs);
    options.resume = true;
  }
}

TEST_CASE("patience counts consecutive epochs without improvement") {
  struct Row {
    std::int64_t patience;
    std::vector<bool> is_best;
    std::size_t stops_after;  // epochs; 0: does not stop
  };
  const Row rows[] = {{1, {true, true, false, true}, 3},
                      {2, {true, false, true, false, false, true}, 5},
                      {3, {true, false, false, true, false, false}, 0},
                      {2, {false, false}, 2}};
  for (const Row& row : rows) {
    CAPTURE(row.patience);
    auto stopping = std::make_unique<EarlyStopping>(row.patience);
    std::size_t stopped = 0;
    for (std::size_t i = 0; i < row.is_best.size() && stopped == 0; ++i) {
      stopping->on_epoch({.is_best = row.is_best[i]});
      // A resumed run continues counting.
      const nlohmann::ordered_json state = stopping->state();
      stopping = std::make_unique<EarlyStopping>(row.patience);
      CHECK(stopping->stop_reason().empty());
      stopping->load_state(state);
      if (!stopping->stop_reason().empty()) stopped = i + 1;
    }
    CHECK(stopped == row.stops_after);
  }
  CHECK(contains(message_of([] { EarlyStopping none(0); }), "--patience 0"));
  for (const char* damaged : {"3", "{}", R"({"epochs_without": "x"})"}) {
    CAPTURE(std::string(damaged));
    EarlyStopping stopping(1);
    CHECK(
        !message_of([&] { stopping.load_state(nlohmann::ordered_json::parse(damaged)); }).empty());
  }
}

TEST_CASE("a run that does not improve ends early, and stays ended") {
  const TemporaryFolder folder;
  write_tiny_data(folder.path() / "data");
  TrainOptions options = tiny_options(folder.path() / "data", folder.path() / "run");
  options.width = 4;
  options.lr = 1e-30;
  options.epochs = 40;
  options.patience = 2;
  Trainer(options).train();
  const auto epochs_of = [&] {
    std::int64_t epochs = 0;
    for (const auto& line : read_lines(options.out / "log.jsonl")) epochs += line["split"] == "val";
    return epochs;
  };
  const std::int64_t epochs = epochs_of();
  const auto state = nlohmann::json::parse(read_text(options.out / "last/state.json"));
  CHECK(epochs < 40);
  CHECK(state["best"]["checkpoint"] == "step-" + std::to_string(3 * (epochs - 2)));
  CHECK(state["callbacks"]["early_stopping"]["epochs_without"] == 2);
  options.resume = true;
  Trainer(options).train();
  CHECK(epochs_of() == epochs);
  options.patience = 3;  // may change
  Trainer(options).train();
  CHECK(epochs_of() > epochs);
}

TEST_CASE("the batches of one step have different draws, the same in each run") {
  Sequential model;
  model.append<Dropout>(0.5);
  model.append<Linear>(64, 1);
  initialise_parameters(model, 1);
  model.train();
  SGD optimizer({{.parameters = model.named_parameters(), .lr = 0}});
  std::vector<std::vector<double>> losses;
  for (const std::uint64_t seed : {7, 7, 8}) {
    TrainingStep step(model, optimizer,
                      [&](const Tensors& inputs) { return mean(model(inputs[0])); },
                      {.batch_size = 2, .seed = seed, .first_step = 5});
    const TrainingBatch batch{{full({2, 64}, 1)}, {0, 1}};
    step.issue({batch, batch});
    const auto result = step.take_result(true);
    REQUIRE(result.has_value());
    CHECK(result->step == 5);
    losses.push_back(result->losses);
  }
  CHECK(losses[0][0] != losses[0][1]);
  CHECK(losses[0] == losses[1]);
  CHECK(losses[0] != losses[2]);
}
