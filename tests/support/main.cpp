// The main function of every test program.
#define DOCTEST_CONFIG_IMPLEMENT
#include <doctest/doctest.h>

#include <iostream>

#include "base/error.h"
#include "base/instruction_set.h"
#include "base/thread_waiting.h"
#include "tests/support/message_of.h"

int main(int argc, char** argv) {
  osteon::restart_with_short_spin(argv);
  // A test with a forced instruction set (CMakeLists.txt) is skipped if the processor lacks it.
  const std::string refusal = osteon::message_of([] { osteon::instruction_set(); });
  if (refusal != "") std::cout << refusal << "\n";
  constexpr int kSkipped = 77, kFailed = 1;
  if (osteon::contains(refusal, "this processor has no such instructions")) return kSkipped;
  return refusal != "" ? kFailed : doctest::Context(argc, argv).run();
}
