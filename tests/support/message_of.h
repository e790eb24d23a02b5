// The message of the Error that an action throws, for tests of messages.
#pragma once

#include <string>

#include "base/error.h"

namespace osteon {

// "" if the action does not throw; other exceptions propagate.
template <class Action>
std::string message_of(const Action& action) {
  try {
    action();
  } catch (const Error& error) {
    return error.what();
  }
  return "";
}

inline bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

}  // namespace osteon
