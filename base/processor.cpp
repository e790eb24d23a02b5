// Asks the processor. Source: Intel 64 and IA-32 Architectures Software Developer's Manual, CPUID,
// leaves 1 and 80000002H to 80000004H; AMD's processors answer in the same way.
#include "base/processor.h"

#include "base/error.h"

#if defined(__x86_64__)
#include <cpuid.h>

#include <array>
#include <cstring>
#endif

namespace osteon {

#if defined(__x86_64__)

std::string processor_name() {
  constexpr unsigned kFirst = 0x80000002, kLast = 0x80000004;
  std::string name;
  for (unsigned leaf = kFirst; leaf <= kLast; ++leaf) {
    std::array<unsigned, 4> words{};
    __get_cpuid(leaf, &words[0], &words[1], &words[2], &words[3]);
    std::array<char, sizeof(words) + 1> text{};
    std::memcpy(text.data(), words.data(), sizeof(words));
    name += text.data();
  }
  name.erase(name.find_last_not_of(' ') + 1);
  unsigned bits = 0, unused = 0;
  __get_cpuid(1, &bits, &unused, &unused, &unused);
  const unsigned family = (bits >> 8 & 15) + (bits >> 20 & 255);
  const unsigned model = (bits >> 4 & 15) + (bits >> 12 & 240);
  return format(name, ", family ", family, ", model ", model, ", stepping ", bits & 15);
}

#else

std::string processor_name() { return "unknown"; }

#endif

}  // namespace osteon
