// Starting values of parameters. What a parameter gets depends on the seed and on its name alone:
// not on the order of construction, on other layers or on the number of threads.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/random.h"
#include "nn/module.h"

namespace osteon {

// Names the stream of draws for one parameter.
struct ParameterStream {
  std::uint64_t seed, stream;
};

// The streams for the parameters of the module at `path`.
class ParameterStreams {
 public:
  ParameterStreams(std::uint64_t seed, std::string path) : seed_(seed), path_(std::move(path)) {}
  // `parameter` as the module registered it.
  ParameterStream operator()(std::string_view parameter) const;

 private:
  std::uint64_t seed_;
  std::string path_;
};

// Calls initialize() for all modules of a model, those inside before the one that holds them, so
// that a model has the last word on its layers.
void initialize_parameters(Module& root, std::uint64_t seed);

// Fills a filter [K,R,S,C/groups] with draws from a normal distribution of mean 0 and variance
// 2 / (K R S): fan-out, which keeps the size of gradients through ReLUs, as torchvision's ResNet.
// Source: He et al., "Delving Deep into Rectifiers", 2015, section 2.2 (backward case).
void kaiming_normal_fan_out_(const Tensor& weight, ParameterStream stream);

// Fills x with draws from the uniform distribution over [-bound, bound).
void uniform_(const Tensor& x, double bound, ParameterStream stream);

}  // namespace osteon
