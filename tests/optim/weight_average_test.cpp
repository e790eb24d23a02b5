// The average of weights: its decay, its values and what is refused.
#include "optim/weight_average.h"

#include <doctest/doctest.h>

#include <cmath>

#include "nn/layers.h"
#include "ops/ops.h"
#include "tests/support/message_of.h"

using namespace osteon;

TEST_CASE("the decay grows from 0 to its limit") {
  struct Row {
    std::int64_t update;
    double limit, decay;
  };
  const Row rows[] = {{1, 0.9, 0},
                      {2, 0.9, 1 - std::pow(2, -2.0 / 3)},
                      {8, 0.9, 0.75},
                      {27, 0.999, 1 - 1.0 / 9},
                      {1000, 0.999, 0.99},
                      {1000, 0.98, 0.98},
                      {1000000, 0.999, 0.999}};
  for (const Row& row : rows) {
    CAPTURE(row.update);
    CHECK(average_decay(row.limit, row.update) == doctest::Approx(row.decay));
  }
}

TEST_CASE("an average is that of parameters and statistics; counters are copied") {
  for (const DType dtype : {DType::f32, DType::f64}) {
    BatchNorm2d average(40), model(40);
    average.to(dtype);
    model.to(dtype);
    fill_(average.weight, 2);
    fill_(model.weight, 4);
    fill_(average.running_mean, -1);
    fill_(model.running_mean, 1);
    *model.num_batches_tracked.data<std::int64_t>() = 7;
    const std::int64_t version = average.weight.version();
    update_average(average, model, 0.75);
    CHECK(average.weight.to_vector() == std::vector<double>(40, 2.5));
    CHECK(average.running_mean.to_vector() == std::vector<double>(40, -0.5));
    CHECK(*average.num_batches_tracked.data<std::int64_t>() == 7);
    CHECK(model.weight.to_vector() == std::vector<double>(40, 4));
    CHECK(average.weight.version() > version);
    update_average(average, model, 0);
    CHECK(average.weight.to_vector() == std::vector<double>(40, 4));
  }
}

TEST_CASE("models that differ are refused by the tensor's name") {
  BatchNorm2d average(4), wide(5), one(4);
  one.to(DType::f64);
  CHECK(contains(message_of([&] { update_average(average, wide, 0.5); }), "weight is [4]"));
  CHECK(contains(message_of([&] { update_average(average, one, 0.5); }), "f64"));
  CHECK(contains(message_of([&] { update_average(average, Linear(4, 4), 0.5); }), "tensors"));
  CHECK(contains(message_of([&] { update_average(average, average, 1.5); }), "decay 1.5"));
}
