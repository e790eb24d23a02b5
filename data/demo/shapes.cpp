// Lengths and cross-sections of the tubes.
#include "data/demo/shapes.h"

#include <algorithm>
#include <cmath>

namespace osteon::demo {

double length(const Vec3& a) { return std::sqrt(a.x * a.x + a.y * a.y + a.z * a.z); }

double Tube::arc_length() const {
  double sum = 0;
  for (std::size_t i = 1; i < stations.size(); ++i)
    sum += length(stations[i].centre - stations[i - 1].centre);
  return sum;
}

Station Tube::at(double along) const {
  for (std::size_t i = 1; i < stations.size(); ++i) {
    const Station &a = stations[i - 1], &b = stations[i];
    const double step = length(b.centre - a.centre);
    if (along > step && i + 1 < stations.size()) {
      along -= step;
      continue;
    }
    const double t = std::clamp(along / std::max(step, 1e-9), 0.0, 1.0);
    const auto between = [t](double from, double to) { return (1 - t) * from + t * to; };
    return {mix(a.centre, b.centre, t), between(a.width, b.width), between(a.depth, b.depth),
            between(a.shell, b.shell), between(a.filling, b.filling)};
  }
  return stations.front();
}

}  // namespace osteon::demo
