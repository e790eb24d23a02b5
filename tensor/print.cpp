// Printing a tensor: its elements in nested brackets; long extents are abbreviated.
#include <algorithm>
#include <cstdio>
#include <ostream>
#include <string>
#include <type_traits>

#include "tensor/half.h"
#include "tensor/tensor.h"

namespace osteon {
namespace {

constexpr std::int64_t kMaxWhole = 1000;  // larger tensors are abbreviated
constexpr std::int64_t kEdge = 3;         // entries at each end of an abbreviated extent

template <class T>
std::string text_of(T element) {
  char text[32];
  if constexpr (std::is_integral_v<T>)
    std::snprintf(text, sizeof text, "%lld", static_cast<long long>(element));
  else
    std::snprintf(text, sizeof text, "%.4g",
                  static_cast<double>(static_cast<Accumulator<T>>(element)));
  return text;
}

template <class T>
class Printer {
 public:
  explicit Printer(const Tensor& x)
      : shape_(x.shape()),
        elements_(x.data<T>()),
        is_short_(x.numel() > kMaxWhole || std::ranges::any_of(shape_.extents(), is_long)) {
    visit(0, 0, [&](std::int64_t at) { width_ = std::max(width_, text_of(elements_[at]).size()); });
  }

  void print(std::ostream& out) { print(out, 0, 0); }

 private:
  static bool is_long(std::int64_t extent) { return extent > kMaxWhole; }

  // Calls entry(i) for the printed entries of dimension `d`.
  template <class Entry>
  void for_each_shown(std::int64_t d, const Entry& entry) const {
    const std::int64_t extent = shape_[d];
    for (std::int64_t i = 0; i < extent; ++i) {
      if (is_left_out(d, i)) i = extent - kEdge;
      entry(i);
    }
  }
  bool is_left_out(std::int64_t d, std::int64_t i) const {
    return is_short_ && shape_[d] > 2 * kEdge && i == kEdge;
  }

  // Calls element(index) for every printed element, in order.
  template <class Element>
  void visit(std::int64_t d, std::int64_t first, const Element& element) const {
    if (d == shape_.rank()) return element(first);
    for_each_shown(d, [&](std::int64_t i) { visit(d + 1, first * shape_[d] + i, element); });
  }

  void print(std::ostream& out, std::int64_t d, std::int64_t first) const {
    if (d == shape_.rank()) {
      const std::string text = text_of(elements_[first]);
      out << std::string(width_ - text.size(), ' ') << text;
      return;
    }
    // Rows of the last dimension are printed one below the other, with an empty line between
    // matrices.
    const std::int64_t below = shape_.rank() - d - 1;
    const std::string separator = below == 0
                                      ? ", "
                                      : "," + std::string(static_cast<std::size_t>(below), '\n') +
                                            std::string(static_cast<std::size_t>(d + 1), ' ');
    out << '[';
    std::int64_t next = 0;
    for_each_shown(d, [&](std::int64_t i) {
      if (i > 0) out << separator;
      if (i != next) out << "..." << separator;
      print(out, d + 1, first * shape_[d] + i);
      next = i + 1;
    });
    out << ']';
  }

  const Shape shape_;
  const T* elements_;
  const bool is_short_;
  std::size_t width_ = 0;  // of the longest element
};

}  // namespace

std::ostream& operator<<(std::ostream& out, const Tensor& x) {
  if (!x.defined()) return out << "undefined tensor";
  const Tensor here = x.detach().to(Device::cpu());
  dispatch_any("operator<<", x.dtype(), [&]<class T>() { Printer<T>(here).print(out); });
  return out << ' ' << x.dtype() << ' ' << x.shape() << ' ' << x.device();
}

}  // namespace osteon
