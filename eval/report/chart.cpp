// Writes SVG as text. Coordinates have one digit after the decimal point, which is finer than the
// resolution of a printer.
#include "eval/report/chart.h"

#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "base/progress.h"
#include "base/text.h"

namespace osteon::report {
namespace {

// The drawing area of a chart, in the units of its view box.
constexpr double kWidth = 400, kHeight = 310, kLeft = 52, kRight = 14, kTop = 12, kBottom = 48;

std::string place(double value) { return rounded(value, 1); }

std::string open_svg(double height, const std::string& title, const std::string& description) {
  return format("<svg viewBox=\"0 0 ", kWidth, " ", place(height), "\" role=\"img\"><title>",
                escape(title), "</title><desc>", escape(description), "</desc>");
}

std::string segment(double x0, double y0, double x1, double y1, const std::string& style) {
  return format("<line class=\"", style, "\" x1=\"", place(x0), "\" y1=\"", place(y0), "\" x2=\"",
                place(x1), "\" y2=\"", place(y1), "\"/>");
}

std::string words(double x, double y, const std::string& anchor, const std::string& content,
                  const std::string& more = "") {
  return format("<text x=\"", place(x), "\" y=\"", place(y), "\" text-anchor=\"", anchor, "\"",
                more, ">", escape(content), "</text>");
}

// 1, 2 or 5 times a power of ten, so that a range has up to seven steps.
double round_step(double range) {
  const double magnitude = std::pow(10, std::floor(std::log10(range / 4)));
  double step = 10 * magnitude;
  for (const double factor : {5.0, 2.0, 1.0})
    if (range / (factor * magnitude) <= 7) step = factor * magnitude;
  return step;
}

// From the step below `low` to the one above `high`.
Axis round_axis(double low, double high, double step, const std::string& label) {
  const double first = std::floor(low / step) * step;
  Axis axis{first, first, {}, label, 0};
  while (axis.digits < 4 && std::abs(step * std::pow(10, axis.digits) -
                                     std::round(step * std::pow(10, axis.digits))) > 1e-6)
    ++axis.digits;
  for (double tick = first; tick < high + step; tick += step) {
    axis.ticks.push_back(tick);
    axis.high = tick;
    if (tick >= high) break;
  }
  return axis;
}

}  // namespace

std::string escape(const std::string& text) {
  std::string safe;
  for (const char c : as_utf8(text)) switch (c) {
      case '&':
        safe += "&amp;";
        break;
      case '<':
        safe += "&lt;";
        break;
      case '>':
        safe += "&gt;";
        break;
      case '"':
        safe += "&quot;";
        break;
      default:
        safe += static_cast<unsigned char>(c) < ' ' || c == 127 ? ' ' : c;
    }
  return safe;
}

std::string escape_path(const std::string& path) {
  std::string safe;
  for (const char c : escape(path)) safe += c == '/' ? std::string("/<wbr>") : std::string(1, c);
  return safe;
}

std::string number(double value, int digits) {
  const std::string text = rounded(value, digits);
  // A value that rounds to zero has no sign.
  if (text.find_first_not_of("-0.") == std::string::npos) return rounded(0, digits);
  return text[0] == '-' ? "\u2212" + text.substr(1) : text;
}

Axis unit_axis(const std::string& label) { return {0, 1, {0, 0.2, 0.4, 0.6, 0.8, 1}, label, 1}; }

Axis axis_up_to(double high, const std::string& label, bool whole) {
  const double most = high > 0 ? high : 1;
  return round_axis(0, most, whole ? std::max(round_step(most), 1.0) : round_step(most), label);
}

Axis axis_between(double low, double high, const std::string& label) {
  const double range = high > low ? high - low : 1;
  return round_axis(low, low + range, round_step(range), label);
}

Chart::Chart(std::string title, std::string description, Axis x, Axis y)
    : title_(std::move(title)),
      description_(std::move(description)),
      x_(std::move(x)),
      y_(std::move(y)) {}

double Chart::across(double x) const {
  return kLeft + (x - x_.low) / (x_.high - x_.low) * (kWidth - kLeft - kRight);
}
double Chart::down(double y) const {
  return kHeight - kBottom - (y - y_.low) / (y_.high - y_.low) * (kHeight - kTop - kBottom);
}

void Chart::line(const Points& points, const std::string& style) {
  if (points.empty()) return;
  std::string path;
  for (const auto& [x, y] : points)
    path += format(path.empty() ? "M" : "L", place(across(x)), " ", place(down(y)));
  marks_ += format("<path class=\"line ", style, "\" d=\"", path, "\"/>");
}

void Chart::dot(double x, double y, const std::string& style) {
  marks_ += format("<circle class=\"", style, "\" cx=\"", place(across(x)), "\" cy=\"",
                   place(down(y)), "\" r=\"4.5\"/>");
}

void Chart::bar(double x0, double y0, double x1, double y1, const std::string& style) {
  const auto [left, right] = std::minmax({across(x0), across(x1)});
  const auto [top, bottom] = std::minmax({down(y0), down(y1)});
  marks_ += format("<rect class=\"bar ", style, "\" x=\"", place(left), "\" y=\"", place(top),
                   "\" width=\"", place(right - left), "\" height=\"", place(bottom - top), "\"/>");
}

std::string Chart::svg() const {
  std::string svg = open_svg(kHeight, title_, description_);
  for (const double tick : y_.ticks) {
    svg += segment(kLeft, down(tick), kWidth - kRight, down(tick), "grid");
    svg += words(kLeft - 8, down(tick) + 4, "end", number(tick, y_.digits));
  }
  for (const double tick : x_.ticks) {
    svg += segment(across(tick), kHeight - kBottom, across(tick), kHeight - kBottom + 5, "axis");
    svg += words(across(tick), kHeight - kBottom + 19, "middle", number(tick, x_.digits));
  }
  svg += segment(kLeft, kHeight - kBottom, kWidth - kRight, kHeight - kBottom, "axis");
  svg += marks_;
  svg += words((kLeft + kWidth - kRight) / 2, kHeight - 8, "middle", x_.label, " class=\"label\"");
  const double middle = (kTop + kHeight - kBottom) / 2;
  svg += words(13, middle, "middle", y_.label,
               format(" class=\"label\" transform=\"rotate(-90 13 ", place(middle), ")\""));
  return svg + "</svg>";
}

std::string interval_chart(const std::string& title, const std::string& description,
                           const std::vector<IntervalRow>& rows, const Axis& axis) {
  constexpr double kRow = 26, kNames = 96, kTexts = 106;
  const double end = kWidth - kTexts, height = kRow * static_cast<double>(rows.size()) + 44;
  const auto across = [&](double value) {
    const double share = std::clamp((value - axis.low) / (axis.high - axis.low), 0.0, 1.0);
    return kNames + share * (end - kNames);
  };
  std::string svg = open_svg(height, title, description);
  for (const double tick : axis.ticks) {
    svg += segment(across(tick), 4, across(tick), height - 40, "grid");
    svg += words(across(tick), height - 24, "middle", number(tick, axis.digits));
  }
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const IntervalRow& row = rows[i];
    const double y = 4 + kRow * (static_cast<double>(i) + 0.5);
    svg += words(kNames - 8, y + 4, "end", row.name);
    if (row.has_interval) svg += segment(across(row.low), y, across(row.high), y, "line study");
    svg += format("<circle class=\"dot study\" cx=\"", place(across(row.value)), "\" cy=\"",
                  place(y), "\" r=\"4.5\"/>");
    svg += words(kWidth - 2, y + 4, "end", row.text);
  }
  svg += words((kNames + end) / 2, height - 6, "middle", axis.label, " class=\"label\"");
  return svg + "</svg>";
}

std::string legend_entry(const std::string& style, const std::string& name) {
  return format(
      "<span class=\"entry\"><svg class=\"key\" viewBox=\"0 0 28 12\" aria-hidden=\"true\">",
      style.starts_with("bar")
          ? format("<rect class=\"", style, "\" x=\"4\" y=\"1\" width=\"20\" height=\"10\"/>")
      : style.starts_with("dot")
          ? format("<circle class=\"", style, "\" cx=\"14\" cy=\"6\" r=\"4.5\"/>")
          : segment(1, 6, 27, 6, style),
      "</svg>", escape(name), "</span>");
}

}  // namespace osteon::report
