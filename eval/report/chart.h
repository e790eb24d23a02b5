// Diagrams as inline SVG: axes, lines, bars and marks in data coordinates. Colours are CSS classes,
// which the report's style sheet defines for light, dark and print.
#pragma once

#include <string>
#include <utility>
#include <vector>

namespace osteon::report {

// Escapes text for HTML and SVG.
std::string escape(const std::string& text);

// The same for a path, and allows a line break after each folder.
std::string escape_path(const std::string& path);

// A number with `digits` digits after the decimal point, and a typographic minus sign.
std::string number(double value, int digits);

struct Axis {
  double low = 0, high = 1;
  std::vector<double> ticks;
  std::string label;
  int digits = 1;
};

// 0, 0.2, ..., 1.
Axis unit_axis(const std::string& label);
// From 0 to at least `high`, with about five round ticks; `whole` for counts, which have integer
// ticks.
Axis axis_up_to(double high, const std::string& label, bool whole = false);
// From at most `low` to at least `high`, with about five round ticks.
Axis axis_between(double low, double high, const std::string& label);

using Points = std::vector<std::pair<double, double>>;

class Chart {
 public:
  // Title and description are for screen readers.
  Chart(std::string title, std::string description, Axis x, Axis y);

  void line(const Points& points, const std::string& style);
  void dot(double x, double y, const std::string& style);
  // A bar between the corners (x0, y0) and (x1, y1), in any order.
  void bar(double x0, double y0, double x1, double y1, const std::string& style);

  std::string svg() const;

 private:
  double across(double x) const;
  double down(double y) const;

  std::string title_, description_;
  Axis x_, y_;
  std::string marks_;
};

// One row of an interval diagram.
struct IntervalRow {
  std::string name, text;
  double value = 0, low = 0, high = 0;
  bool has_interval = false;
};

// Values with their intervals, one per row, on an axis from `low` to `high`.
std::string interval_chart(const std::string& title, const std::string& description,
                           const std::vector<IntervalRow>& rows, const Axis& axis);

// A legend entry: a sample of a line or bar, and its name.
std::string legend_entry(const std::string& style, const std::string& name);

}  // namespace osteon::report
