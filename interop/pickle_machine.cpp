// Instructions of pickle protocol 2, as torch.save writes them. A pickle of n bytes makes at most n
// objects and n references, so memory is bounded by its size.
#include "interop/pickle_machine.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>

#include "base/error.h"

namespace osteon {
namespace {

using Kind = PickleObject::Kind;

constexpr const char* kOrderedDict = "collections OrderedDict";
constexpr const char* kTensor = "torch._utils _rebuild_tensor_v2";
constexpr const char* kParameter = "torch._utils _rebuild_parameter";
constexpr std::array kFunctions = {kOrderedDict, kTensor, kParameter};

// A text as it appears in a message: of bounded length, without control characters.
std::string shown(std::string_view text) {
  std::string result(text.substr(0, 100));
  for (char& c : result)
    if (c < ' ' || c > '~') c = '?';
  return result;
}

bool is_storage_type(std::string_view name) {
  return name.starts_with("torch ") && name.ends_with("Storage");
}

}  // namespace

const PickleObject& PickleMachine::run(std::string_view pickle) {
  pickle_ = pickle;
  for (;;) {
    const auto instruction = static_cast<unsigned char>(take(1)[0]);
    if (instruction == '.') break;  // STOP
    step(instruction);
  }
  return top();
}

void PickleMachine::step(unsigned char code) {
  using Machine = PickleMachine;
  struct Instruction {
    unsigned char code;
    void (*run)(Machine&);
  };
  static constexpr Instruction kInstructions[] = {
      {0x80, [](Machine& m) { m.check_protocol(m.take_number(1)); }},             // PROTO
      {'N', [](Machine& m) { m.push({}); }},                                      // NONE
      {0x88, [](Machine& m) { m.push({.kind = Kind::boolean, .integer = 1}); }},  // NEWTRUE
      {0x89, [](Machine& m) { m.push({.kind = Kind::boolean}); }},                // NEWFALSE
      {'K', [](Machine& m) { m.push_integer(m.take_number(1)); }},                // BININT1
      {'M', [](Machine& m) { m.push_integer(m.take_number(2)); }},                // BININT2
      {'J', [](Machine& m) { m.push_signed(4); }},                                // BININT
      {0x8a, [](Machine& m) { m.push_signed(m.take_number(1)); }},                // LONG1
      {'G', [](Machine& m) { m.take(8), m.push({.kind = Kind::real}); }},         // BINFLOAT
      {'X', [](Machine& m) { m.push_text(m.take_number(4)); }},                   // BINUNICODE
      {'(', [](Machine& m) { m.marks_.push_back(m.stack_.size()); }},             // MARK
      {')', [](Machine& m) { m.push({.kind = Kind::tuple}); }},                   // EMPTY_TUPLE
      {']', [](Machine& m) { m.push({.kind = Kind::list}); }},                    // EMPTY_LIST
      {'}', [](Machine& m) { m.push({.kind = Kind::dict}); }},                    // EMPTY_DICT
      {'t', [](Machine& m) { m.push_tuple(m.pop_mark()); }},                      // TUPLE
      {0x85, [](Machine& m) { m.push_tuple(m.below_top(1)); }},                   // TUPLE1
      {0x86, [](Machine& m) { m.push_tuple(m.below_top(2)); }},                   // TUPLE2
      {0x87, [](Machine& m) { m.push_tuple(m.below_top(3)); }},                   // TUPLE3
      {'a', [](Machine& m) { m.append(m.below_top(1)); }},                        // APPEND
      {'e', [](Machine& m) { m.append(m.pop_mark()); }},                          // APPENDS
      {'s', [](Machine& m) { m.set_items(m.below_top(2)); }},                     // SETITEM
      {'u', [](Machine& m) { m.set_items(m.pop_mark()); }},                       // SETITEMS
      {'q', [](Machine& m) { m.remember(m.take_number(1)); }},                    // BINPUT
      {'r', [](Machine& m) { m.remember(m.take_number(4)); }},                    // LONG_BINPUT
      {'h', [](Machine& m) { m.recall(m.take_number(1)); }},                      // BINGET
      {'j', [](Machine& m) { m.recall(m.take_number(4)); }},                      // LONG_BINGET
      {'c', [](Machine& m) { m.push_global(); }},                                 // GLOBAL
      {'Q', [](Machine& m) { m.push_storage(); }},                                // BINPERSID
      {'R', [](Machine& m) { m.call(); }},                                        // REDUCE
      {'b', [](Machine& m) { m.set_state(); }},                                   // BUILD
  };
  const auto* found = std::ranges::find(kInstructions, code, &Instruction::code);
  OSTEON_CHECK(found != std::end(kInstructions), "instruction ", int{code}, " at byte ", place_ - 1,
               " of the pickle is not one that state dicts use");
  found->run(*this);
}

void PickleMachine::check_protocol(std::uint64_t version) {
  OSTEON_CHECK(version >= 2 && version <= 3, "pickle protocol ", version, "; known are 2 and 3");
}

void PickleMachine::push_integer(std::uint64_t value) {
  push({.kind = Kind::integer, .integer = std::bit_cast<std::int64_t>(value)});
}

// A number of `bytes` bytes in two's complement.
void PickleMachine::push_signed(std::uint64_t bytes) {
  OSTEON_CHECK(bytes <= 8, "an integer of ", bytes, " bytes; at most 8 are read");
  std::uint64_t value = take_number(bytes);
  if (bytes > 0 && bytes < 8 && (value >> (8 * bytes - 1)) != 0)
    value |= ~std::uint64_t{0} << (8 * bytes);
  push_integer(value);
}

void PickleMachine::push_text(std::size_t bytes) {
  push({.kind = Kind::text, .text = take(bytes)});
}

// A function or type, given by the names of its module and itself.
void PickleMachine::push_global() {
  const std::size_t begin = place_;
  take_line();
  take_line();
  const std::string_view name = pickle_.substr(begin, place_ - begin - 1);
  Object& global = push({.kind = Kind::global});
  names_.emplace_back(name);
  std::ranges::replace(names_.back(), '\n', ' ');
  global.text = names_.back();
  OSTEON_CHECK(std::ranges::find(kFunctions, global.text) != kFunctions.end() ||
                   is_storage_type(global.text),
               "it names ", shown(global.text),
               ", which no state dict needs; save "
               "model.state_dict() instead of the model");
}

// The storage of a tensor, described by a persistent id.
void PickleMachine::push_storage() {
  const Object& id = top();
  OSTEON_CHECK(id.kind == Kind::tuple && id.items.size() == 5,
               "a persistent id that is not a storage");
  stack_.pop_back();
  push({.kind = Kind::storage, .items = id.items});
}

// Calls one of the allowed functions: replaces it and its arguments by the result.
void PickleMachine::call() {
  OSTEON_CHECK(stack_.size() >= 2, "a call without function or arguments");
  const Object& arguments = *stack_[stack_.size() - 1];
  const Object& function = *stack_[stack_.size() - 2];
  OSTEON_CHECK(function.kind == Kind::global && arguments.kind == Kind::tuple,
               "a call of an object that is not a function");
  stack_.resize(stack_.size() - 2);
  const auto& items = arguments.items;
  if (function.text == kOrderedDict && items.empty()) {
    push({.kind = Kind::dict});
  } else if (function.text == kTensor && items.size() >= 6) {
    OSTEON_CHECK(items[0]->kind == Kind::storage && items[1]->kind == Kind::integer &&
                     items[2]->kind == Kind::tuple && items[3]->kind == Kind::tuple,
                 "a tensor whose arguments are not storage, offset, size and stride");
    push({.kind = Kind::tensor,
          .integer = items[1]->integer,
          .items = {items[0], items[2], items[3]}});
  } else if (function.text == kParameter && !items.empty() && items[0]->kind == Kind::tensor) {
    push({.kind = Kind::tensor, .integer = items[0]->integer, .items = items[0]->items});
  } else {
    throw Error(format("a call of ", shown(function.text), " with ", items.size(),
                       " arguments, which no state dict has"));
  }
}

// Ignores the attributes of a state dict (_metadata); other objects have none.
void PickleMachine::set_state() {
  OSTEON_CHECK(stack_.size() >= 2 && stack_[stack_.size() - 2]->kind == Kind::dict,
               "attributes of an object that is not a dict");
  stack_.pop_back();
}

void PickleMachine::set_items(std::size_t begin) {
  OSTEON_CHECK(
      begin >= 1 && stack_[begin - 1]->kind == Kind::dict && (stack_.size() - begin) % 2 == 0,
      "items for an object that is not a dict");
  for (std::size_t i = begin; i < stack_.size(); i += 2)
    stack_[begin - 1]->entries.emplace_back(stack_[i], stack_[i + 1]);
  stack_.resize(begin);
}

void PickleMachine::append(std::size_t begin) {
  OSTEON_CHECK(begin >= 1 && stack_[begin - 1]->kind == Kind::list,
               "items for an object that is not a list");
  auto& items = stack_[begin - 1]->items;
  items.insert(items.end(), stack_.begin() + static_cast<std::ptrdiff_t>(begin), stack_.end());
  stack_.resize(begin);
}

PickleObject& PickleMachine::push(Object object) {
  objects_.push_back(std::move(object));
  stack_.push_back(&objects_.back());
  return objects_.back();
}

// Replaces the objects on the stack from `begin` on by one tuple.
void PickleMachine::push_tuple(std::size_t begin) {
  std::vector<const Object*> items(stack_.begin() + static_cast<std::ptrdiff_t>(begin),
                                   stack_.end());
  stack_.resize(begin);
  push({.kind = Kind::tuple, .items = std::move(items)});
}

PickleObject& PickleMachine::top() {
  OSTEON_CHECK(!stack_.empty(), "the pickle takes an object from an empty stack");
  return *stack_.back();
}

// The index of the first of the topmost `count` objects of the stack.
std::size_t PickleMachine::below_top(std::size_t count) const {
  OSTEON_CHECK(stack_.size() >= count, "the pickle takes ", count, " objects from a stack of ",
               stack_.size());
  return stack_.size() - count;
}

std::size_t PickleMachine::pop_mark() {
  OSTEON_CHECK(!marks_.empty() && marks_.back() <= stack_.size(), "items without a mark");
  const std::size_t mark = marks_.back();
  marks_.pop_back();
  return mark;
}

// Pickles number the memo's entries from 0 upwards.
void PickleMachine::remember(std::size_t index) {
  OSTEON_CHECK(index <= memo_.size(), "memo ", index, " comes before memo ", memo_.size());
  if (index == memo_.size()) memo_.push_back(nullptr);
  memo_[index] = &top();
}

void PickleMachine::recall(std::size_t index) {
  OSTEON_CHECK(index < memo_.size(), "memo ", index, " is empty");
  stack_.push_back(memo_[index]);
}

std::string_view PickleMachine::take(std::size_t bytes) {
  OSTEON_CHECK(bytes <= pickle_.size() - place_, "the pickle ends in the middle of an instruction");
  const std::string_view taken = pickle_.substr(place_, bytes);
  place_ += bytes;
  return taken;
}

std::string_view PickleMachine::take_line() {
  const std::size_t end = pickle_.find('\n', place_);
  OSTEON_CHECK(end != pickle_.npos, "the pickle ends in the middle of a name");
  const std::string_view line = take(end - place_);
  take(1);
  return line;
}

// An unsigned little-endian number.
std::uint64_t PickleMachine::take_number(std::size_t bytes) {
  std::uint64_t number = 0;
  const std::string_view taken = take(bytes);
  std::memcpy(&number, taken.data(), taken.size());
  return number;
}

}  // namespace osteon
