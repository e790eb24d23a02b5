// Progress output for a person: a live line on a terminal, otherwise a plain line from time to
// time.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

namespace osteon {

// Seconds in a readable form: 8 s, 2:05 min, 3:07 h.
std::string human_duration(double seconds);

// A number with `digits` digits after the decimal point.
std::string rounded(double value, int digits);

class Progress {
 public:
  // Writes to standard error; only warnings if quiet, nothing if silent.
  explicit Progress(bool quiet, bool silent = false);

  // The current state. On a terminal it replaces the live line; otherwise it is printed if ten
  // seconds have passed since the last line.
  void update(const std::string& text);
  // A permanent line.
  void line(const std::string& text);
  // A warning, printed even if quiet.
  void warn(const std::string& text);

 private:
  void clear_live_line();

  bool quiet_, silent_, terminal_, live_ = false;
  std::chrono::steady_clock::time_point last_;
};

// Images per second and remaining time, estimated from the steps so far.
class Pace {
 public:
  explicit Pace(std::int64_t total_images)
      : total_(total_images), start_(std::chrono::steady_clock::now()) {}
  void add(std::int64_t images) { done_ += images; }
  double seconds() const;
  double images_per_second() const;
  double seconds_left() const;

 private:
  std::int64_t total_, done_ = 0;
  std::chrono::steady_clock::time_point start_;
};

}  // namespace osteon
