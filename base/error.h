// The one exception type of the library and the macro that throws it.
//
// A message names the operation, the value found, the value expected and, if there is one, the way
// out: `conv2d: input has 3 channels but weight [64,7,7,4] expects 4`.
#pragma once

#include <sstream>
#include <stdexcept>
#include <string>

namespace osteon {

class Error : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

// An error in the request itself (an option, not the data). Programs exit with status 2.
class UsageError : public Error {
 public:
  using Error::Error;
};

// Streams all arguments into one string: format("input ", shape, " is empty"). It is an object
// because an unqualified call of a function with a std::string argument would also find
// std::format.
struct Format {
  template <class... Args>
  std::string operator()(const Args&... args) const {
    std::ostringstream out;
    (out << ... << args);
    return out.str();
  }
};
inline constexpr Format format{};

}  // namespace osteon

// Throws Error with the streamed message unless `condition` holds. Bad input is expected, so
// release builds keep the check.
#define OSTEON_CHECK(condition, ...)                        \
  do {                                                      \
    if (!(condition)) [[unlikely]]                          \
      throw ::osteon::Error(::osteon::format(__VA_ARGS__)); \
  } while (false)
