// Observes a model.
#include "bench/convolutions.h"

#include "nn/models.h"
#include "ops/schema.h"
#include "tensor/autograd.h"

namespace osteon {

std::vector<Convolution> convolutions_of(const std::string& arch, std::int64_t image_size,
                                         std::int64_t batch_size) {
  const auto model = make_model(arch);
  std::vector<Convolution> found;
  const NoGrad no_grad;
  const ObserveOps observer([&](const Observation& op) {
    constexpr auto conv = schema::conv2d;
    if (is(op, conv))
      found.push_back({op.inputs[conv.x].shape(), op.inputs[conv.weight].shape(),
                       op.outputs[0].shape(), attrs_of(op, conv)});
  });
  (*model)(zeros({2, image_size, image_size, 3}));
  for (Convolution& conv : found)
    for (Shape* shape : {&conv.x, &conv.y}) {
      std::vector<std::int64_t> extents = shape->extents();
      extents[0] = batch_size;
      *shape = Shape(extents);
    }
  return found;
}

}  // namespace osteon
