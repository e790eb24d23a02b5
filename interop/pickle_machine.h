// The stack machine of Python's pickles, restricted to the instructions and functions that state
// dicts and the numbers, texts and containers beside them need.
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
    tensor,
    other  // a value that no tensor needs: bytes, a long integer, a device, a number of NumPy
  };
  Kind kind = Kind::none;
  std::int64_t integer = 0;  // boolean, integer; of a tensor: the storage offset
  // text, global ("module name"), other (its bytes, if it has any); valid as long as the machine
  std::string_view text{};
  std::vector<const PickleObject*>
      items{};  // tuple, list; storage: its id; tensor: storage, size, stride
  std::vector<std::pair<const PickleObject*, const PickleObject*>> entries{};  // dict
};

// Maximum size of a pickle.
inline constexpr std::size_t kMaxPickleBytes = 4'000'000;

class PickleMachine {
 public:
  // Runs the pickle and returns the object it leaves; bytes behind its end are ignored. Throws
  // Error naming the instruction with its position, or the function, that is not allowed or is
  // invalid at that point. The text must outlive the machine. One machine runs one pickle.
  const PickleObject& run(std::string_view pickle);

  // After run(): the number of bytes up to the pickle's end, and every storage that it describes.
  std::size_t size() const { return place_; }
  const std::vector<const PickleObject*>& storages() const { return storages_; }

 private:
  using Object = PickleObject;
  using Items = std::vector<const Object*>;
  struct Global;

  void step(unsigned char code);
  static void check_protocol(std::uint64_t version);
  void push_integer(std::uint64_t value);
  void push_signed(std::uint64_t bytes);
  void push_text(std::size_t bytes);
  void push_other(std::size_t bytes);
  void push_named_global();
  void push_stacked_global();
  void push_global(std::string_view module, std::string_view name);
  void push_storage();
  static const Global* find_global(std::string_view name);
  void call();
  bool make_dict(const Items& arguments);
  bool make_default_dict(const Items& arguments);
  bool make_tuple(const Items& arguments);
  bool make_tensor(const Items& arguments);
  bool make_parameter(const Items& arguments);
  bool make_number_type(const Items& arguments);
  bool make_number(const Items& arguments);
  bool make_other(const Items& arguments);
  void set_state();
  void set_items(std::size_t begin);
  void append(std::size_t begin);
  Object& push(Object object);
  void push_tuple(std::size_t begin);
  Object& top();
  std::size_t below_top(std::size_t count) const;
  std::size_t pop_mark();
  void count_copies(std::size_t references);
  void remember(std::size_t index);
  void recall(std::size_t index);
  [[noreturn]] void end_reached() const;
  std::string_view take(std::size_t bytes);
  std::string_view take_line();
  std::uint64_t take_number(std::size_t bytes);

  std::string_view pickle_;
  bool is_longer_ = false;  // than kMaxPickleBytes
  std::size_t place_ = 0;
  std::deque<Object> objects_;
  std::deque<std::string> names_;  // of globals, "module name"
  std::vector<Object*> stack_;
  std::vector<std::size_t> marks_;
  std::vector<Object*> memo_;
  std::vector<const Object*> storages_;
  std::size_t copies_ = 0;
};

}  // namespace osteon
