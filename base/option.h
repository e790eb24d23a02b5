// Options of programs. Each option is defined once, in the table of its room: a function template
// that visits (OptionInfo, member, check) for every option. Parsing and --help (apps/options.h),
// config.json and the rules of --resume (train/) are made from these tables.
#pragma once

#include <algorithm>
#include <string>
#include <type_traits>
#include <vector>

#include "base/error.h"
#include "base/text.h"

namespace osteon {

// The heading under which --help lists an option.
enum class OptionGroup { data, model, training, run, machine };

// Whether a run may be resumed with another value.
enum class OnResume {
  fixed,
  may_change,
  changes_bits,  // may change, but the weights then differ in some bits from an uninterrupted run's
  unless_cosine,  // may change, except with the cosine schedule, which depends on it
};

struct OptionInfo {
  const char* name;  // as on the command line, without the dashes
  OptionGroup group;
  const char* help;
  OnResume on_resume = OnResume::fixed;
  bool is_recorded = true;     // in config.json
  bool may_be_absent = false;  // from config.json: runs of older versions lack it
  bool is_hidden = false;      // from --help
};

// --- checks: each returns what was expected instead of a wrong value, or nothing ----------------

struct AnyValue {
  template <class Value>
  std::string operator()(const Value&) const {
    return {};
  }
};

struct AtLeast {
  double low;
  const char* reason = "";  // replaces "expected at least LOW" in the message
  template <class Value>
  std::string operator()(const Value& value) const {
    if (static_cast<double>(value) >= low) return {};
    return *reason ? reason : format("expected at least ", low);
  }
};

// Neither bound is allowed.
struct Between {
  double low, high;
  template <class Value>
  std::string operator()(const Value& value) const {
    const auto number = static_cast<double>(value);
    return number > low && number < high ? std::string()
                                         : format("expected above ", low, " and below ", high);
  }
};

struct InRange {
  double low, high;
  template <class Value>
  std::string operator()(const Value& value) const {
    const auto number = static_cast<double>(value);
    return number >= low && number <= high ? std::string() : format("expected ", low, " to ", high);
  }
};

struct OneOf {
  std::vector<std::string> choices;
  std::string operator()(const std::string& value) const {
    if (std::ranges::find(choices, value) != choices.end()) return {};
    const std::vector<std::string> first(choices.begin(), choices.end() - 1);
    return "expected " + join(first) + " or " + choices.back();
  }
};

// Checked by a function that throws UsageError itself.
template <class Function>
struct AsParsedBy {
  Function function;
  template <class Value>
  std::string operator()(const Value& value) const {
    function(value);
    return {};
  }
};
template <class Function>
AsParsedBy(Function) -> AsParsedBy<Function>;

// Throws UsageError naming the option, its value and what is expected.
template <class Value, class Check>
void check_option(const char* name, const Value& value, const Check& check) {
  if constexpr (!std::is_same_v<Check, AnyValue>) {
    const std::string expected = check(value);
    if (expected.empty()) return;
    const char* const quote = std::is_same_v<Value, std::string> ? "'" : "";
    throw UsageError(format("--", name, " ", quote, value, quote, ": ", expected));
  }
}

// The key of an option in config.json.
inline std::string config_key(std::string name) {
  std::ranges::replace(name, '-', '_');
  return name;
}

}  // namespace osteon
