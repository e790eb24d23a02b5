// From a table of options (base/option.h) to the command line: parsing, --help in groups, and the
// nearest option for a mistyped one.
#pragma once

#include <CLI/CLI.hpp>
#include <string>
#include <type_traits>
#include <vector>

#include "base/option.h"
#include "data/data_sets.h"

namespace osteon {

constexpr const char* name_of(OptionGroup group) {
  switch (group) {
    case OptionGroup::data:
      return "Data";
    case OptionGroup::model:
      return "Model";
    case OptionGroup::training:
      return "Training";
    case OptionGroup::run:
      return "Run";
    case OptionGroup::machine:
      return "Machine";
  }
  return "";
}

// The help of an option; the choices come first if its check has a list of them.
template <class Check>
std::string help_of(const OptionInfo& info, const Check& check) {
  if constexpr (std::is_same_v<Check, OneOf>) return join(check.choices) + ": " + info.help;
  return info.help;
}

// Binds an option to a variable. Its check runs later, with those of all options.
template <class Value, class Check>
CLI::Option* add_option(CLI::App& app, const OptionInfo& info, Value& value, const Check& check) {
  const std::string name = std::string("--") + info.name;
  CLI::Option* option = nullptr;
  if constexpr (std::is_same_v<Value, bool>)
    option = app.add_flag(name, value, help_of(info, check));
  else if constexpr (std::is_same_v<Value, DataSets>)
    option =
        app.add_option_function<std::vector<std::string>>(
               name, [&value](const std::vector<std::string>& values) { value = DataSets(values); },
               help_of(info, check))
            ->allow_extra_args(false);
  else
    option = app.add_option(name, value, help_of(info, check));
  if constexpr (std::is_same_v<Value, std::vector<std::string>>) option->delimiter(',');
  return option->group(info.is_hidden ? "" : name_of(info.group));
}

// --help within 100 columns: each option on a line of its own, its text wrapped below or beside it.
class HelpFormatter : public CLI::Formatter {
 public:
  std::string make_option(const CLI::Option* option, bool is_positional) const override;
};

// "--epoch: did you mean --epochs?" for the first argument that no option of `app` takes.
std::string unknown_argument(const CLI::App& app);

}  // namespace osteon
