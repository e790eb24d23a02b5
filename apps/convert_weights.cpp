// convert_weights: published weights as a safetensors file with our names and metadata, for --init.
#include <iostream>

#include "apps/app.h"
#include "base/output_path.h"
#include "eval/initial_weights.h"
#include "nn/state_dict.h"
#include "tensor/safetensors.h"

using namespace osteon;

namespace {

struct ConvertOptions {
  std::filesystem::path init, out;
  std::string arch, source, licence;
  std::int64_t classes = 1000;
};

// The weights with their metadata. A head that the file lacks is left out.
NamedTensors convert(const ConvertOptions& options) {
  const auto model = make_model(options.arch, {.num_classes = options.classes});
  ModelInfo info;
  info.arch = options.arch;
  InitialWeights weights = initialise_from(*model, info, options.init);
  std::cout << weights.summary << "\n";
  NamedTensors file = state_dict(*model);
  std::erase_if(file.tensors, [&](const auto& entry) {
    return std::ranges::count(weights.left_as_initialised, entry.first) > 0;
  });
  if (!options.source.empty()) weights.info.source = options.source;
  if (!options.licence.empty()) weights.info.licence = options.licence;
  file.metadata = to_metadata(weights.info);
  file.metadata["format"] = "pt";
  return file;
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app(
      "Writes published weights as a safetensors file for --init: with our names, and the mean and "
      "standard deviation of the images that they expect",
      "convert_weights");
  app.option_defaults()->always_capture_default();
  ConvertOptions options;
  app.add_option("--init", options.init, "weights: safetensors, or a .pth file of PyTorch")
      ->required();
  app.add_option("--arch", options.arch, "their architecture, as in train_mura --help")->required();
  app.add_option("--out", options.out, "file to write")->required();
  app.add_option("--classes", options.classes,
                 "outputs of the head; a head with another number is left out")
      ->check(CLI::Range(1, 1'000'000));
  app.add_option("--source", options.source, "where the weights come from, for the metadata");
  app.add_option("--licence", options.licence, "licence of the weights, for the metadata");
  return run_app(app, argc, argv, [&] {
    check_can_write_file("out", options.out);
    write_safetensors(options.out, convert(options));
    std::cout << "wrote " << options.out.string() << "\n";
  });
}
