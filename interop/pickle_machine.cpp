// Instructions of pickle protocols 2 to 5, as torch.save writes them. A pickle of n bytes makes at
// most n objects, n references and n copies of references, so memory is bounded by its size.
#include "interop/pickle_machine.h"

#include <algorithm>
#include <bit>
#include <cstring>

#include "base/error.h"

namespace osteon {
namespace {

using Kind = PickleObject::Kind;

}  // namespace

const PickleObject& PickleMachine::run(std::string_view pickle) {
  pickle_ = pickle.substr(0, kMaxPickleBytes);
  is_longer_ = pickle.size() > kMaxPickleBytes;
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
      {0x95, [](Machine& m) { m.take(8); }},                                      // FRAME
      {'N', [](Machine& m) { m.push({}); }},                                      // NONE
      {0x88, [](Machine& m) { m.push({.kind = Kind::boolean, .integer = 1}); }},  // NEWTRUE
      {0x89, [](Machine& m) { m.push({.kind = Kind::boolean}); }},                // NEWFALSE
      {'K', [](Machine& m) { m.push_integer(m.take_number(1)); }},                // BININT1
      {'M', [](Machine& m) { m.push_integer(m.take_number(2)); }},                // BININT2
      {'J', [](Machine& m) { m.push_signed(4); }},                                // BININT
      {0x8a, [](Machine& m) { m.push_signed(m.take_number(1)); }},                // LONG1
      {'G', [](Machine& m) { m.take(8), m.push({.kind = Kind::real}); }},         // BINFLOAT
      {0x8b, [](Machine& m) { m.push_signed(m.take_number(4)); }},                // LONG4
      {'X', [](Machine& m) { m.push_text(m.take_number(4)); }},                   // BINUNICODE
      {0x8c, [](Machine& m) { m.push_text(m.take_number(1)); }},       // SHORT_BINUNICODE
      {0x8d, [](Machine& m) { m.push_text(m.take_number(8)); }},       // BINUNICODE8
      {'T', [](Machine& m) { m.push_text(m.take_number(4)); }},        // BINSTRING
      {'U', [](Machine& m) { m.push_text(m.take_number(1)); }},        // SHORT_BINSTRING
      {'B', [](Machine& m) { m.push_other(m.take_number(4)); }},       // BINBYTES
      {'C', [](Machine& m) { m.push_other(m.take_number(1)); }},       // SHORT_BINBYTES
      {0x8e, [](Machine& m) { m.push_other(m.take_number(8)); }},      // BINBYTES8
      {0x96, [](Machine& m) { m.push_other(m.take_number(8)); }},      // BYTEARRAY8
      {'(', [](Machine& m) { m.marks_.push_back(m.stack_.size()); }},  // MARK
      {')', [](Machine& m) { m.push({.kind = Kind::tuple}); }},        // EMPTY_TUPLE
      {']', [](Machine& m) { m.push({.kind = Kind::list}); }},         // EMPTY_LIST
      {'}', [](Machine& m) { m.push({.kind = Kind::dict}); }},         // EMPTY_DICT
      {0x8f, [](Machine& m) { m.push({.kind = Kind::list}); }},        // EMPTY_SET
      {'t', [](Machine& m) { m.push_tuple(m.pop_mark()); }},           // TUPLE
      {0x91, [](Machine& m) { m.push_tuple(m.pop_mark()); }},          // FROZENSET
      {0x85, [](Machine& m) { m.push_tuple(m.below_top(1)); }},        // TUPLE1
      {0x86, [](Machine& m) { m.push_tuple(m.below_top(2)); }},        // TUPLE2
      {0x87, [](Machine& m) { m.push_tuple(m.below_top(3)); }},        // TUPLE3
      {'a', [](Machine& m) { m.append(m.below_top(1)); }},             // APPEND
      {'e', [](Machine& m) { m.append(m.pop_mark()); }},               // APPENDS
      {0x90, [](Machine& m) { m.append(m.pop_mark()); }},              // ADDITEMS
      {'s', [](Machine& m) { m.set_items(m.below_top(2)); }},          // SETITEM
      {'u', [](Machine& m) { m.set_items(m.pop_mark()); }},            // SETITEMS
      {'q', [](Machine& m) { m.remember(m.take_number(1)); }},         // BINPUT
      {'r', [](Machine& m) { m.remember(m.take_number(4)); }},         // LONG_BINPUT
      {0x94, [](Machine& m) { m.remember(m.memo_.size()); }},          // MEMOIZE
      {'h', [](Machine& m) { m.recall(m.take_number(1)); }},           // BINGET
      {'j', [](Machine& m) { m.recall(m.take_number(4)); }},           // LONG_BINGET
      {'c', [](Machine& m) { m.push_named_global(); }},                // GLOBAL
      {0x93, [](Machine& m) { m.push_stacked_global(); }},             // STACK_GLOBAL
      {'Q', [](Machine& m) { m.push_storage(); }},                     // BINPERSID
      {'R', [](Machine& m) { m.call(); }},                             // REDUCE
      {0x81, [](Machine& m) { m.call(); }},                            // NEWOBJ
      {'b', [](Machine& m) { m.set_state(); }},                        // BUILD
  };
  const auto* found = std::ranges::find(kInstructions, code, &Instruction::code);
  OSTEON_CHECK(found != std::end(kInstructions), "instruction ", int{code}, " at byte ", place_ - 1,
               " of the pickle does not occur in state dicts");
  found->run(*this);
}

void PickleMachine::check_protocol(std::uint64_t version) {
  OSTEON_CHECK(version >= 2 && version <= 5, "pickle protocol ", version, "; known are 2 to 5");
}

void PickleMachine::push_integer(std::uint64_t value) {
  push({.kind = Kind::integer, .integer = std::bit_cast<std::int64_t>(value)});
}

// A number of `bytes` bytes in two's complement. No tensor needs one of more than eight.
void PickleMachine::push_signed(std::uint64_t bytes) {
  if (bytes > 8) return push_other(bytes);
  std::uint64_t value = take_number(bytes);
  if (bytes > 0 && bytes < 8 && (value >> (8 * bytes - 1)) != 0)
    value |= ~std::uint64_t{0} << (8 * bytes);
  push_integer(value);
}

void PickleMachine::push_text(std::size_t bytes) {
  push({.kind = Kind::text, .text = take(bytes)});
}

void PickleMachine::push_other(std::size_t bytes) {
  push({.kind = Kind::other, .text = take(bytes)});
}

// A function or type, given by the names of its module and itself, one per line.
void PickleMachine::push_named_global() {
  const std::string_view module = take_line();
  push_global(module, take_line());
}

// The same, with both names on the stack.
void PickleMachine::push_stacked_global() {
  const std::size_t begin = below_top(2);
  const Object &module = *stack_[begin], &name = *stack_[begin + 1];
  OSTEON_CHECK(module.kind == Kind::text && name.kind == Kind::text,
               "a function whose name is not a text");
  stack_.resize(begin);
  push_global(module.text, name.text);
}

// The storage of a tensor, described by a persistent id.
void PickleMachine::push_storage() {
  const Object& id = top();
  OSTEON_CHECK(id.kind == Kind::tuple && (id.items.size() == 5 || id.items.size() == 6),
               "a persistent id that is not a storage");
  stack_.pop_back();
  count_copies(id.items.size());
  storages_.push_back(&push({.kind = Kind::storage, .items = id.items}));
}

// Ignores attributes: the _metadata of a state dict, requires_grad of a parameter, the byte order
// of a number type.
void PickleMachine::set_state() {
  OSTEON_CHECK(stack_.size() >= 2, "attributes without an object");
  const Kind kind = stack_[stack_.size() - 2]->kind;
  OSTEON_CHECK(kind == Kind::dict || kind == Kind::tensor || kind == Kind::other,
               "attributes of an object that has none");
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

// The index, from the bottom, of the object `count` places below the top.
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

// A few instructions copy a list of references that others share; their sum is bounded, too.
void PickleMachine::count_copies(std::size_t references) {
  copies_ += references;
  OSTEON_CHECK(copies_ <= place_, "it copies its lists too often for a pickle of ", place_,
               " bytes");
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

void PickleMachine::end_reached() const {
  if (is_longer_) throw Error(format("the pickle has more than ", kMaxPickleBytes, " bytes"));
  throw Error("the pickle ends in the middle of an instruction");
}

std::string_view PickleMachine::take(std::size_t bytes) {
  if (bytes > pickle_.size() - place_) end_reached();
  const std::string_view taken = pickle_.substr(place_, bytes);
  place_ += bytes;
  return taken;
}

std::string_view PickleMachine::take_line() {
  const std::size_t end = pickle_.find('\n', place_);
  if (end == pickle_.npos) end_reached();
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
