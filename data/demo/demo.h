// Procedural demo radiographs in MURA's layout: a data set that trains within minutes if the real
// one is not available. Normal and abnormal studies share bones, framing, exposure and clutter;
// only the state of the bones differs.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "data/demo/abnormality.h"
#include "data/image/image.h"
#include "data/manifest.h"

namespace osteon {

struct DemoOptions {
  std::int64_t studies = 640;  // in all parts and both splits together
  std::uint64_t seed = 0;
  std::int64_t image_size = 256;  // long side of an image in pixels; it varies between studies
};

// Plan of a study.
struct DemoStudy {
  std::int64_t index = 0;      // among all studies; it and the seed determine every pixel
  Split split = Split::train;  // train, or test for MURA's valid
  std::string part;
  std::int64_t patient = 0;
  std::int64_t number = 1;  // the K of studyK
  std::int64_t views = 1;
  demo::Abnormality abnormality = demo::Abnormality::none;

  bool positive() const { return abnormality != demo::Abnormality::none; }
  // MURA-v1.1/train/XR_WRIST/patient00012/study1_positive
  std::filesystem::path folder() const;
};

// A box in pixels, upper ends exclusive; all zero if empty.
struct PixelBox {
  std::int64_t x0 = 0, y0 = 0, x1 = 0, y1 = 0;
};

struct DemoView {
  Image image;
  PixelBox lesion;
};

// The list of studies: a fifth of them for validation, about half of them abnormal, both labels in
// each part and split. All studies of a patient are in one split. Throws Error for options out of
// range.
std::vector<DemoStudy> plan_demo(const DemoOptions& options);

// The images of one study; they depend on the seed and the study only.
std::vector<DemoView> draw_demo_study(const DemoStudy& study, const DemoOptions& options);

// Writes `out`/MURA-v1.1 with images and the four CSV files, and `out`/lesions.csv
// (path,kind,x0,y0,x1,y1 for each abnormal image), studies in parallel. `out` must be new or empty;
// a temporary folder is renamed to `out` when it is complete. Throws Error if that fails. Returns
// the number of images.
std::int64_t write_demo(const std::filesystem::path& out, const DemoOptions& options);

}  // namespace osteon
