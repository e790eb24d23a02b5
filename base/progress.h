// What a person sees while a run goes on: a live line on a terminal, a plain line now and then
// elsewhere.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

namespace osteon {

// Seconds as a person reads them: 8 s, 2:05 min, 3:07 h.
std::string human_duration(double seconds);

// A number with so many digits after the point.
std::string rounded(double value, int digits);

class Progress {
 public:
  // Writes to standard error; nothing at all if quiet.
  explicit Progress(bool quiet);

  // The newest state of affairs: replaces the live line, or is printed if ten seconds have passed
  // since the last plain line.
  void update(const std::string& text);
  // A line that stays.
  void line(const std::string& text);
  // A line that somebody must see, even if quiet.
  void warn(const std::string& text);

 private:
  void clear_live_line();

  bool quiet_, terminal_, live_ = false;
  std::chrono::steady_clock::time_point last_;
};

// Images a second and the time left, from how long the steps so far took.
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
