// export_onnx: writes a trained model for programs that run ONNX.
#include <iostream>

#include "apps/app.h"
#include "base/output_path.h"
#include "eval/model_file.h"
#include "interop/onnx.h"

namespace {

osteon::OnnxPrediction prediction_of(const std::string& task) {
  using enum osteon::OnnxPrediction;
  if (task == "multiclass") return softmax;
  if (task == "ordinal") return cumulative;
  return task == "regression" ? number : sigmoid;
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app("Writes a trained model as an ONNX file (opset 17, any batch size)", "export_onnx");
  app.option_defaults()->always_capture_default();
  std::filesystem::path checkpoint, out;
  bool keep_batch_norm = false, with_preprocessing = false;
  app.add_option("--checkpoint", checkpoint,
                 "folder of a run or checkpoint, or a model.safetensors")
      ->required();
  app.add_option("--out", out, "file to write")->required();
  app.add_flag("--keep-batch-norm", keep_batch_norm,
               "leave batch norm as it is instead of folding it into the convolutions");
  app.add_flag("--with-preprocessing", with_preprocessing,
               "take grey levels 0 to 255 [N,1,S,S] and give predictions as `predict` does, "
               "instead of normalised images [N,3,S,S] and logits");
  return osteon::run_app(app, argc, argv, [&] {
    osteon::check_can_write_file("out", out);
    const osteon::TrainedModel trained = osteon::load_model(checkpoint);
    osteon::ModelInfo info = trained.info;
    info.trained_on.reset();  // long, and of no use to programs that run ONNX
    osteon::OnnxOptions options{.name = info.arch,
                                .fold_batch_norm = !keep_batch_norm,
                                .metadata = osteon::to_metadata(info)};
    if (with_preprocessing)
      options.preprocessing = {.mean = info.mean,
                               .std = info.std,
                               .prediction = prediction_of(info.task),
                               .temperature = info.temperature,
                               .offset = info.target_mean,
                               .scale = info.target_std};
    osteon::write_onnx(out, *trained.model, info.image_size, options);
    std::cout << "wrote " << out.string() << "\n";
  });
}
