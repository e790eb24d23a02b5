// A wrong value is answered with those that are right.
#include "base/option_check.h"

#include <algorithm>

#include "base/error.h"

namespace osteon {

void require(bool condition, const std::string& message) {
  if (!condition) throw UsageError(message);
}

void check_choice(const char* option, const std::string& value,
                  const std::vector<std::string>& choices) {
  if (std::ranges::find(choices, value) != choices.end()) return;
  std::string message = format("--", option, " '", value, "': expected ");
  for (std::size_t i = 0; i < choices.size(); ++i)
    message += (i == 0 ? "" : i + 1 == choices.size() ? " or " : ", ") + choices[i];
  throw UsageError(message);
}

}  // namespace osteon
