// The functions and types that a pickle may name, and what a call of each returns here. None of
// them computes a value: a tensor needs only numbers and texts, and the rest is ignored.
#include <algorithm>
#include <string>

#include "base/error.h"
#include "interop/pickle_machine.h"

namespace osteon {
namespace {

using Kind = PickleObject::Kind;

constexpr std::size_t kMaxGlobalName = 100;
constexpr const char* kSaveStateDict =
    "save only the state dict: torch.save(model.state_dict(), \"weights.pth\")";

// A text as it appears in a message: of bounded length, without control characters.
std::string shown(std::string_view text) {
  std::string result(text.substr(0, kMaxGlobalName));
  for (char& c : result)
    if (c < ' ' || c > '~') c = '?';
  return result;
}

bool is_storage_type(std::string_view name) {
  return name.starts_with("torch ") && name.ends_with("Storage");
}

}  // namespace

// A function or type that a pickle may name. `call` adds what a call of it returns here to the
// stack, or returns false if these are not its arguments; null: it is only named, not called.
struct PickleMachine::Global {
  std::string_view name;
  bool (PickleMachine::*call)(const Items& arguments);
};

const PickleMachine::Global* PickleMachine::find_global(std::string_view name) {
  using Machine = PickleMachine;
  static constexpr Global kGlobals[] = {
      {"collections OrderedDict", &Machine::make_dict},
      {"collections defaultdict", &Machine::make_default_dict},
      {"collections Counter", &Machine::make_other},
      {"torch Size", &Machine::make_tuple},
      {"torch._utils _rebuild_tensor", &Machine::make_tensor},
      {"torch._utils _rebuild_tensor_v2", &Machine::make_tensor},
      {"torch._utils _rebuild_parameter", &Machine::make_parameter},
      {"torch._utils _rebuild_parameter_with_state", &Machine::make_parameter},
      {"torch.nn.parameter Parameter", &Machine::make_parameter},
      {"torch device", &Machine::make_other},
      {"torch float64", nullptr},
      {"torch float32", nullptr},
      {"torch float16", nullptr},
      {"torch bfloat16", nullptr},
      {"torch int64", nullptr},
      {"torch int32", nullptr},
      {"torch int16", nullptr},
      {"torch int8", nullptr},
      {"torch uint8", nullptr},
      {"torch bool", nullptr},
      {"numpy dtype", &Machine::make_number_type},
      {"numpy.core.multiarray scalar", &Machine::make_number},
      {"numpy._core.multiarray scalar", &Machine::make_number},
      {"_codecs encode", &Machine::make_other},  // bytes
      {"__builtin__ set", &Machine::make_other},
      {"builtins set", &Machine::make_other},
      {"__builtin__ frozenset", &Machine::make_other},
      {"builtins frozenset", &Machine::make_other},
      // The types of a defaultdict's values.
      {"__builtin__ dict", nullptr},
      {"builtins dict", nullptr},
      {"__builtin__ list", nullptr},
      {"builtins list", nullptr},
      {"__builtin__ int", nullptr},
      {"builtins int", nullptr},
      {"__builtin__ float", nullptr},
      {"builtins float", nullptr},
  };
  const auto* const found = std::ranges::find(kGlobals, name, &Global::name);
  return found == std::end(kGlobals) ? nullptr : found;
}

void PickleMachine::push_global(std::string_view module, std::string_view name) {
  const std::string full =
      format(module.substr(0, kMaxGlobalName), ' ', name.substr(0, kMaxGlobalName));
  const Global* const known = find_global(full);
  OSTEON_CHECK(known != nullptr || (is_storage_type(full) && full.size() <= kMaxGlobalName),
               "it refers to ", shown(full), ", which a state dict does not need; ",
               kSaveStateDict);
  names_.push_back(full);
  push({.kind = Kind::global, .text = names_.back()});
}

// Calls one of the known functions: replaces it and its arguments by the result.
void PickleMachine::call() {
  OSTEON_CHECK(stack_.size() >= 2, "a call without function or arguments");
  const Object& arguments = *stack_[stack_.size() - 1];
  const Object& function = *stack_[stack_.size() - 2];
  OSTEON_CHECK(function.kind == Kind::global && arguments.kind == Kind::tuple,
               "a call of an object that is not a function");
  stack_.resize(stack_.size() - 2);
  const Global* const global = find_global(function.text);
  if (global == nullptr || global->call == nullptr || !(this->*global->call)(arguments.items))
    throw Error(format("a call of ", shown(function.text), " with ", arguments.items.size(),
                       " arguments does not occur in state dicts; ", kSaveStateDict));
}

// Python 3 fills an OrderedDict by later instructions, Python 2 gives a list of pairs.
bool PickleMachine::make_dict(const Items& arguments) {
  Object dict{.kind = Kind::dict};
  if (arguments.size() > 1 || (arguments.size() == 1 && arguments[0]->kind != Kind::list))
    return false;
  if (arguments.size() == 1) {
    count_copies(arguments[0]->items.size());
    for (const Object* pair : arguments[0]->items) {
      if (pair->items.size() != 2) return false;
      dict.entries.emplace_back(pair->items[0], pair->items[1]);
    }
  }
  push(std::move(dict));
  return true;
}

bool PickleMachine::make_default_dict(const Items& arguments) {
  if (arguments.size() > 1) return false;
  push({.kind = Kind::dict});
  return true;
}

bool PickleMachine::make_tuple(const Items& arguments) {
  if (arguments.size() != 1 || arguments[0]->kind != Kind::tuple) return false;
  count_copies(arguments[0]->items.size());
  push({.kind = Kind::tuple, .items = arguments[0]->items});
  return true;
}

bool PickleMachine::make_tensor(const Items& arguments) {
  if (arguments.size() < 4) return false;
  OSTEON_CHECK(arguments[0]->kind == Kind::storage && arguments[1]->kind == Kind::integer &&
                   arguments[2]->kind == Kind::tuple && arguments[3]->kind == Kind::tuple,
               "a tensor whose arguments are not storage, offset, size and stride");
  OSTEON_CHECK(arguments.size() <= 6 || arguments[6]->entries.empty(),
               "a tensor with attributes (a conjugate or negated view); ", kSaveStateDict);
  push({.kind = Kind::tensor,
        .integer = arguments[1]->integer,
        .items = {arguments[0], arguments[2], arguments[3]}});
  return true;
}

// A parameter is its tensor.
bool PickleMachine::make_parameter(const Items& arguments) {
  if (arguments.empty() || arguments[0]->kind != Kind::tensor) return false;
  push({.kind = Kind::tensor, .integer = arguments[0]->integer, .items = arguments[0]->items});
  return true;
}

// A numpy.dtype of numbers or truth values, such as "f8"; those of objects would hold pickles.
bool PickleMachine::make_number_type(const Items& arguments) {
  if (arguments.empty() || arguments[0]->kind != Kind::text) return false;
  const std::string_view name = arguments[0]->text;
  OSTEON_CHECK(name.size() == 2 && std::string_view("biuf").find(name[0]) != name.npos,
               "it refers to numpy dtype '", shown(name), "', which is not that of a number; ",
               kSaveStateDict);
  return make_other(arguments);
}

bool PickleMachine::make_number(const Items& arguments) {
  return arguments.size() == 2 && arguments[0]->kind == Kind::other && make_other(arguments);
}

bool PickleMachine::make_other(const Items&) {
  push({.kind = Kind::other});
  return true;
}

}  // namespace osteon
