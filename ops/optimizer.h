// The formulas of the optimizers' updates, with the options that are constant in a run. Values that
// change per step (step counts, learning rate, the norm used as guard) are in tensors that the
// kernels read through pointers, so that a recorded step can be replayed.
#pragma once

namespace osteon {

// One Adam step of a parameter p with gradient g, in its step t = 1, 2, ...:
//
//   g <- g + weight_decay p                            unless decoupled
//   p <- p - learning_rate weight_decay p              if decoupled (AdamW)
//   m <- beta1 m + (1 - beta1) g
//   v <- beta2 v + (1 - beta2) g^2
//   p <- p - learning_rate m^ / (sqrt(v^) + epsilon)   m^ = m / (1 - beta1^t),
//                                                      v^ = v / (1 - beta2^t)
//
// Sources: Kingma & Ba, "Adam", ICLR 2015, algorithm 1; Loshchilov & Hutter, "Decoupled Weight
// Decay Regularization", ICLR 2019, algorithm 2, with the decay multiplied by the learning rate as
// in PyTorch.
struct AdamOptions {
  double beta1 = 0.9, beta2 = 0.999, epsilon = 1e-8;
  bool decoupled = false;
};

// One step of stochastic gradient descent with momentum:
//
//   g <- g + weight_decay p
//   b <- momentum b + g                                b starts at 0
//   p <- p - learning_rate d                           d = g + momentum b if nesterov, else b
//
// Source: Sutskever et al., "On the importance of initialization and momentum in deep learning",
// ICML 2013, with the learning rate outside of b as in PyTorch.
struct SGDOptions {
  double momentum = 0.9;
  bool nesterov = false;
};

}  // namespace osteon
