// The stack machine of Python's pickles, restricted to the instructions of state dicts.
#pragma once

#include <cstdint>
#include <deque>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace osteon {

// An object that a pickle creates. The machine owns all objects. They refer to each other freely;
// cycles are allowed.
struct PickleObject {
  enum class Kind {
    none,
    boolean,
    integer,
    real,
    text,
    tuple,
    list,
    dict,
    global,
    storage,
    tensor
  };
  Kind kind = Kind::none;
  std::int64_t integer = 0;  // boolean, integer; of a tensor: the storage offset
  std::string_view text{};   // text, global ("module name"); valid as long as the machine
  std::vector<const PickleObject*>
      items{};  // tuple, list; storage: its id; tensor: storage, size, stride
  std::vector<std::pair<const PickleObject*, const PickleObject*>> entries{};  // dict
};

class PickleMachine {
 public:
  // Runs the pickle and returns the object it leaves. Throws Error naming an instruction and its
  // position, or a function, if it is not allowed or not valid there. The text must outlive the
  // machine.
  const PickleObject& run(std::string_view pickle);

 private:
  using Object = PickleObject;

  void step(unsigned char code);
  static void check_protocol(std::uint64_t version);
  void push_integer(std::uint64_t value);
  void push_signed(std::uint64_t bytes);
  void push_text(std::size_t bytes);
  void push_global();
  void push_storage();
  void call();
  void set_state();
  void set_items(std::size_t begin);
  void append(std::size_t begin);
  Object& push(Object object);
  void push_tuple(std::size_t begin);
  Object& top();
  std::size_t below_top(std::size_t count) const;
  std::size_t pop_mark();
  void remember(std::size_t index);
  void recall(std::size_t index);
  std::string_view take(std::size_t bytes);
  std::string_view take_line();
  std::uint64_t take_number(std::size_t bytes);

  std::string_view pickle_;
  std::size_t place_ = 0;
  std::deque<Object> objects_;
  std::deque<std::string> names_;  // of globals, "module name"
  std::vector<Object*> stack_;
  std::vector<std::size_t> marks_;
  std::vector<Object*> memo_;
};

}  // namespace osteon
