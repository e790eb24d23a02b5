// make_demo_data: writes procedural radiographs in MURA's layout.
#include <iostream>

#include "apps/app.h"
#include "data/demo/demo.h"

int main(int argc, char** argv) {
  CLI::App app("Draws procedural bone radiographs, some abnormal, in MURA's own layout",
               "make_demo_data");
  app.option_defaults()->always_capture_default();
  osteon::DemoOptions options;
  std::filesystem::path out;
  app.add_option("--out", out, "folder to write; new or empty")->required();
  app.add_option("--studies", options.studies,
                 "number of studies, all parts and both splits together");
  app.add_option("--seed", options.seed, "seed; the same seed gives the same images");
  app.add_option("--image-size", options.image_size,
                 "approximate long side of an image in pixels; it varies between images");
  return osteon::run_app(app, argc, argv, [&] {
    const std::int64_t images = osteon::write_demo(out, options);
    std::cout << "wrote " << options.studies << " studies, " << images << " images to "
              << out.string() << "\n";
  });
}
