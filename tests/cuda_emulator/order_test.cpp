// Results do not depend on when a device does its work: each row computes the same bits when
// streams run as late and as early as events allow. Only on the emulated device.
#include <doctest/doctest.h>

#include <functional>
#include <string>
#include <vector>

#include "ops/ops.h"
#include "tensor/cuda/transfer.h"
#include "tensor/cuda/upload.h"
#include "tests/cuda_emulator/settings.h"
#include "tests/cuda_emulator/small_training.h"

using namespace osteon;
using cuda_emulator::Order;
using cuda_emulator::SmallTraining;

namespace {

using Values = std::vector<double>;

Tensor ramp(std::int64_t count, double first) {
  Values values;
  for (std::int64_t i = 0; i < count; ++i) values.push_back(first + static_cast<double>(i));
  return from_vector(values, {count}, DType::f32);
}

void append(Values& all, const Values& more) { all.insert(all.end(), more.begin(), more.end()); }

// Losses and final weights of steps with so many batches each, whose results are read a step late.
Values trained(const std::vector<std::size_t>& steps, std::int64_t recorded_batch,
               std::int64_t last_images = cuda_emulator::kBatch) {
  const SmallTraining training(recorded_batch);
  Values all;
  std::uint64_t number = 0;
  const auto take = [&](bool wait) {
    while (const auto result = training.step->take_result(wait)) append(all, result->losses);
  };
  for (const std::size_t batches : steps) {
    std::vector<TrainingBatch> step;
    for (std::size_t i = 0; i < batches; ++i) step.push_back(SmallTraining::batch(number++));
    training.step->issue(step);
    take(false);
  }
  training.step->issue({SmallTraining::batch(number, last_images)});
  take(true);
  append(all, training.state());
  return all;
}

// The source of an upload may be changed at once, and a result stays valid for two more uploads.
Values uploaded() {
  cuda::Upload upload(Device::cuda());
  const Tensor source = ramp(1000, 0);
  std::vector<Tensor> sums;
  for (int i = 0; i < 5; ++i) {
    copy_(source, ramp(1000, i));
    const Tensor arrived = upload({source})[0];
    copy_(source, full({1000}, -1));
    sums.push_back(arrived + 1.0);
  }
  Values all;
  for (const Tensor& sum : sums) append(all, sum.to_vector());
  return all;
}

// A download has the values that the tensor had when it was issued.
Values downloaded() {
  cuda::Downloads downloads(Device::cuda());
  Tensor x = ramp(1000, 0).to(Device::cuda());
  Values all;
  for (int i = 0; i < 6; ++i) {
    downloads.issue({x});
    x = x + 1.0;
    if (i > 0) append(all, downloads.take()[0].to_vector());
  }
  return all;
}

// A tensor that is given back while work on it is pending does not spoil that work.
Values freed() {
  Tensor sum = full({1000}, 0).to(Device::cuda());
  for (int i = 0; i < 5; ++i) sum = sum + ramp(1000, i).to(Device::cuda());
  return sum.to_vector();
}

Values between_devices() {
  const Device there = Device::cuda(1);
  Tensor x = ramp(1000, 0).to(Device::cuda());
  for (int i = 0; i < 3; ++i) {
    Tensor y = (x + 1.0).to(there);
    x = (y * 2.0).to(Device::cuda());
    y = y * 0.0;  // memory that the copy may still read is used again
  }
  return x.to_vector();
}

}  // namespace

TEST_CASE("results are the same bits in every order that events allow") {
  cuda_emulator::set_devices({"H100", "A100"});
  struct Row {
    std::string name;
    std::function<Values()> values;
  };
  const Row table[] = {
      {"uploads", uploaded},
      {"downloads", downloaded},
      {"freed tensors", freed},
      {"copies between devices", between_devices},
      {"steps call by call",
       [] {
         return trained({1, 1, 1, 1}, 0);
       }},
      {"recorded steps",
       [] {
         return trained({1, 1, 1, 1, 1, 1}, cuda_emulator::kBatch);
       }},
      {"recorded steps and a partial batch",
       [] {
         return trained({1, 1, 1, 1}, cuda_emulator::kBatch, 3);
       }},
      {"two batches a step",
       [] {
         return trained({2, 2, 2}, cuda_emulator::kBatch);
       }},
      {"three batches a step",
       [] {
         return trained({3, 3, 3}, cuda_emulator::kBatch, 2);
       }},
      {"steps of several sizes",
       [] {
         return trained({1, 2, 1, 1, 3, 1}, cuda_emulator::kBatch);
       }},
  };
  for (const Row& row : table) {
    CAPTURE(row.name);
    cuda_emulator::set_order(Order::immediate);
    const Values expected = row.values();
    CHECK(expected == expected);  // no NaN
    for (const Order order : {Order::late, Order::early}) {
      CAPTURE(static_cast<int>(order));
      cuda_emulator::set_order(order);
      CHECK(row.values() == expected);
    }
  }
  cuda_emulator::set_order(Order::immediate);
}
