// Checks of the values that options of a program have.
#pragma once

#include <string>
#include <vector>

namespace osteon {

// Throws UsageError with the message unless `condition` holds.
void require(bool condition, const std::string& message);

// Throws UsageError, which lists the choices of --OPTION, unless `value` is one of them.
void check_choice(const char* option, const std::string& value,
                  const std::vector<std::string>& choices);

}  // namespace osteon
