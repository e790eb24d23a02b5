// A data set in class folders, small enough for training in a test: noisy squares that are bright
// in the upper half (abnormal) or the lower half (normal).
#pragma once

#include <string>

#include "base/random.h"
#include "data/image/image.h"
#include "tests/support/temporary_folder.h"

namespace osteon {

inline Image tiny_radiograph(bool abnormal, std::uint64_t number, std::int64_t size = 40) {
  RandomStream random(7, abnormal, number);
  Image image{size, size, {}};
  for (std::int64_t y = 0; y < size; ++y)
    for (std::int64_t x = 0; x < size; ++x) {
      const bool bright = (y < size / 2) == abnormal;
      image.pixels.push_back(
          static_cast<std::uint8_t>(random.uniform(0, 100) + (bright ? 90 : 40)));
    }
  return image;
}

// Writes DIR/SPLIT/CLASS/N.png. train: `train` images per class; val: 6; test: 6.
inline void write_tiny_data(const std::filesystem::path& folder, int train = 12) {
  std::uint64_t number = 0;
  for (const std::string split : {"train", "val", "test"})
    for (const std::string name : {"normal", "abnormal"}) {
      const std::filesystem::path place = folder / split / name;
      std::filesystem::create_directories(place);
      for (int i = 0; i < (split == "train" ? train : 6); ++i)
        write_png(place / (std::to_string(i) + ".png"),
                  tiny_radiograph(name == "abnormal", number++));
    }
}

}  // namespace osteon
