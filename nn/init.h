// Initial values of parameters. A parameter's values depend only on the seed and its name, not on
// the order of construction, on other layers or on the number of threads.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/random.h"
#include "nn/module.h"

namespace osteon {

// The stream of random draws for one parameter.
struct ParameterStream {
  std::uint64_t seed, stream;
};

// The streams of the parameters of the module at `path`.
class ParameterStreams {
 public:
  ParameterStreams(std::uint64_t seed, std::string path) : seed_(seed), path_(std::move(path)) {}
  // `parameter` is the name given to register_parameter.
  ParameterStream operator()(std::string_view parameter) const;

 private:
  std::uint64_t seed_;
  std::string path_;
};

// Calls initialise() for all modules of a model, children before parents, so that a model can
// override the initial values of its layers.
void initialise_parameters(Module& root, std::uint64_t seed);

// Fills a filter [K,R,S,C/groups] from a normal distribution of mean 0 and variance 2 / (K R S).
// This is fan-out mode, which preserves the size of gradients through ReLUs, as in torchvision's
// ResNet.
// Source: He et al., "Delving Deep into Rectifiers", 2015, section 2.2 (backward case).
void kaiming_normal_fan_out_(const Tensor& weight, ParameterStream stream);

// Fills x from the normal distribution with mean 0 and this standard deviation.
void normal_(const Tensor& x, double deviation, ParameterStream stream);

// Fills a matrix [out,in] from the uniform distribution over ±sqrt(6 / (in + out)).
// Source: Glorot & Bengio, "Understanding the difficulty of training deep feedforward neural
// networks", AISTATS 2010.
void xavier_uniform_(const Tensor& weight, ParameterStream stream);

// Fills x from the uniform distribution over [-bound, bound).
void uniform_(const Tensor& x, double bound, ParameterStream stream);

}  // namespace osteon
