// A small data set with grades, several labels and numbers, and the options of each task on it.
#pragma once

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <string>
#include <utility>

#include "tests/support/tiny_run.h"

namespace osteon {

// Bright in the lower half (0), in the left half (1) or in the upper half (2).
inline Image tiny_image_of_kind(int kind, std::uint64_t number) {
  Image image = tiny_radiograph(kind == 2, number);
  if (kind != 1) return image;
  for (std::int64_t y = 0; y < image.height; ++y)
    for (std::int64_t x = 0; x < y; ++x)
      std::swap(image.pixels[static_cast<std::size_t>(y * image.width + x)],
                image.pixels[static_cast<std::size_t>(x * image.width + y)]);
  return image;
}

// images/N.png and set.csv with a grade, two labels (one of them unknown now and then) and a
// number; returns the list.
inline std::filesystem::path write_task_set(const std::filesystem::path& folder) {
  std::filesystem::create_directories(folder / "images");
  std::ofstream list(folder / "set.csv");
  list << "path,grade,upper,left,months,split\n";
  int number = 0;
  for (const std::string split : {"train", "val", "test"})
    for (int i = 0; i < (split == "train" ? 48 : 15); ++i, ++number) {
      const int kind = number % 3;
      const std::string path = format("images/", number, ".png");
      write_png(folder / path, tiny_image_of_kind(kind, static_cast<std::uint64_t>(number)));
      list << path << "," << kind << "," << (kind == 2) << ","
           << (number % 7 == 6 ? ""
               : kind == 1     ? "1"
                               : "0")
           << "," << 100 + 50 * kind << "," << split << "\n";
    }
  return folder / "set.csv";
}

struct TinyTask {
  const char* name;
  void (*set)(TrainOptions&);
  const char* figure;  // of the log, and what a few epochs reach
  double bound;
  const char* column;  // of a prediction
};

inline const TinyTask kTinyTasks[] = {
    {"ordinal", [](TrainOptions& o) { o.label_column = "grade"; }, "quadratic_kappa", 0.8,
     "probability_2"},
    {"multilabel",
     [](TrainOptions& o) {
       o.labels = {"upper", "left"};
     },
     "macro_auroc", 0.9, "probability_left"},
    {"regression", [](TrainOptions& o) { o.label_column = "months"; }, "r2", 0.6, "predicted"}};

}  // namespace osteon
