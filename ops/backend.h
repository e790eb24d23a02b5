// Which implementation of a CPU kernel runs: the fastest there is, or the readable reference that
// every other one is checked against.
#pragma once

namespace osteon {

enum class Backend {
  automatic,  // oneDNN where it is built in and has the case, else the reference
  reference,  // the reference alone
};

// For the whole process; set it before the first op.
void set_backend(Backend backend);
Backend backend();

}  // namespace osteon
