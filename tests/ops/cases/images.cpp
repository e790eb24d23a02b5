// Rows of ops on images.
#include "tests/ops/cases/rows.h"

namespace osteon {

using nlohmann::json;

Rows warp_rows() {
  const json grey = {{"height", 5}, {"width", 4}, {"mean", {0.5}}, {"std", {0.25}}};
  const json three = {
      {"height", 4}, {"width", 5}, {"mean", {0.485, 0.456, 0.406}}, {"std", {0.229, 0.224, 0.225}}};
  const auto matrices = [](std::vector<double> elements) {
    const auto count = static_cast<std::int64_t>(elements.size()) / 6;
    return listed({count, 2, 3}, std::move(elements)).parameter().constant();
  };
  // Coordinates of up to 90 pixels are rounded, and neighbouring pixels may differ by any amount.
  const Tolerance coordinates = {.f32 = 33};
  const auto row = [&](const char* name, Input images, Input matrices_, const json& attrs) {
    return OpCase{name,  "warp_affine", {std::move(images), std::move(matrices_)},
                  attrs, coordinates,   0};
  };
  return {
      row("warp_affine_identity", pixels({1, 5, 4, 1}), matrices({1, 0, 0, 0, 1, 0}), grey),
      row("warp_affine_flip", pixels({1, 5, 4, 1}), matrices({-1, 0, 3, 0, 1, 0}), grey),
      row("warp_affine_shift", pixels({1, 5, 4, 1}), matrices({1, 0, 1, 0, 1, -2}), grey),
      row("warp_affine_half_shift", pixels({1, 5, 4, 1}), matrices({1, 0, 0.5, 0, 1, -0.5}), grey),
      row("warp_affine_rotation", pixels({1, 6, 6, 1}),
          matrices({0.9375, -0.34375, 1.1, 0.34375, 0.9375, -0.7}), grey),
      row("warp_affine_shear_and_scale", pixels({1, 9, 8, 1}),
          matrices({1.7, 0.3, 0.2, -0.25, 1.6, 1.3}), grey),
      row("warp_affine_zoom", pixels({1, 3, 3, 1}), matrices({0.4, 0, 0.1, 0, 0.35, 0.2}), grey),
      row("warp_affine_outside", pixels({1, 3, 3, 1}), matrices({1, 0, 100, 0, 1, -100}), grey),
      row("warp_affine_one_pixel", pixels({1, 1, 1, 1}), matrices({0.5, 0, -0.75, 0, 0.5, -0.75}),
          grey),
      row("warp_affine_grey_to_three", pixels({1, 4, 5, 1}),
          matrices({0.9, 0.1, 0.2, -0.1, 0.9, 0.3}), three),
      row("warp_affine_colour", pixels({1, 4, 5, 3}), matrices({0.9, 0.1, 0.2, -0.1, 0.9, 0.3}),
          three),
      row("warp_affine_batch", pixels({3, 6, 5, 1}),
          matrices({1, 0, 0, 0, 1, 0, -1.1, 0.2, 4, 0.1, 1.2, -0.3, 0.7, 0.7, -1, -0.7, 0.7, 3}),
          three),
      row("warp_affine_large", pixels({2, 90, 80, 1}),
          matrices({1.1, 0.25, -3.3, -0.25, 1.15, 7.7, -0.95, 0.1, 77.7, 0.1, 0.98, 1.3}),
          {{"height", 96},
           {"width", 96},
           {"mean", {0.485, 0.456, 0.406}},
           {"std", {0.229, 0.224, 0.225}}}),
  };
}

Rows upsample_rows() {
  const auto row = [](const std::string& name, const Input& x, const std::vector<int>& size,
                      const json& options) {
    json attrs = options;
    attrs["size"] = size;
    return OpCase{"upsample_" + name, "upsample", {x}, attrs};
  };
  const Input odd = uniform({2, 7, 5, 3});
  Rows rows = {
      row("nearest", odd, {14, 9}, {}),
      row("nearest_down", odd, {3, 4}, {}),
      row("nearest_same", odd, {7, 5}, {}),
      // Whole positions that PyTorch rounds to the one before.
      row("nearest_rounded", uniform({1, 26, 14, 1}), {22, 46}, {}),
      row("nearest_large", uniform({2, 28, 29, 12}), {56, 57}, {}),
  };
  for (const std::string mode : {"bilinear", "bicubic"})
    for (const bool align_corners : {false, true})
      for (const bool antialias : {false, true}) {
        const std::string name =
            mode + (align_corners ? "_corners" : "") + (antialias ? "_antialias" : "");
        const json options = {
            {"mode", mode}, {"align_corners", align_corners}, {"antialias", antialias}};
        append(rows, {
                         row(name + "_up", odd, {13, 11}, options),
                         row(name + "_down", odd, {3, 2}, options),
                         row(name + "_both", odd, {3, 11}, options),
                         row(name + "_columns", odd, {7, 9}, options),
                         row(name + "_rows", odd, {4, 5}, options),
                         row(name + "_same", odd, {7, 5}, options),
                         row(name + "_from_one_pixel", uniform({2, 1, 1, 2}), {3, 2}, options),
                         row(name + "_to_one_pixel", odd, {1, 1}, options),
                         row(name + "_16_to_14", uniform({1, 16, 16, 2}), {14, 14}, options),
                         row(name + "_14_to_20", uniform({1, 14, 14, 2}), {20, 20}, options),
                     });
      }
  return rows;
}

}  // namespace osteon
