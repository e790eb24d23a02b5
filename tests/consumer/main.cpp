// A program outside of Osteon: one training step of a small network with the installed library.
#include <cstdio>

#include <osteon/nn/models.h>
#include <osteon/ops/ops.h>
#include <osteon/optim/adam.h>

namespace {

double loss_of(osteon::Module& model, const osteon::Tensor& images, const osteon::Tensor& targets,
               osteon::Optimizer* optimizer) {
  const osteon::Tensor loss = osteon::binary_cross_entropy_with_logits(model(images), targets);
  if (optimizer != nullptr) {
    optimizer->zero_grad();
    osteon::backward(loss);
    optimizer->step();
  }
  return loss.item();
}

}  // namespace

int main() {
  osteon::ModelOptions options;
  options.width = 4;
  const auto model = osteon::make_model("resnet18", options);
  osteon::Adam adam({{model->named_parameters(), 1e-2}});
  osteon::Tensor images = osteon::full({4, 32, 32, 3}, -1);
  osteon::fill_(images.rows(0, 2), 1);
  const osteon::Tensor targets = osteon::from_vector({1, 1, 0, 0}, {4, 1});

  const double before = loss_of(*model, images, targets, &adam);
  const double after = loss_of(*model, images, targets, nullptr);
  std::printf("osteon %s: loss %.4f, after one step %.4f\n", OSTEON_VERSION, before, after);
  if (CONSUMER_VERSION != std::string(OSTEON_VERSION)) return 1;
  return after < before ? 0 : 1;
}
