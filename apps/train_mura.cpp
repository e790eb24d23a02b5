// train_mura: trains a classifier of radiographs and evaluates it.
#include <iostream>

#include "apps/app.h"
#include "eval/machine.h"
#include "nn/models.h"
#include "train/options.h"
#include "train/run/resume.h"
#include "train/trainer.h"

namespace {

std::string known_models() {
  std::string list;
  for (const std::string& name : osteon::model_names()) list += (list.empty() ? "" : ", ") + name;
  return list;
}

void add_data_options(CLI::App& app, osteon::TrainOptions& options) {
  app.add_option("--data", options.data, "data set: a folder, or a CSV file");
  app.add_option("--out", options.out, "folder of the run, made new");
  app.add_option("--dataset", options.dataset, "auto, mura, fracatlas, folder, csv");
  app.add_option("--positive", options.positive, "name of the positive (abnormal) class");
  app.add_option("--parts", options.parts, "body parts to keep, as XR_WRIST,XR_ELBOW")
      ->delimiter(',');
  app.add_option("--split-seed", options.split_seed,
                 "which patients are in which split, where the data set leaves it open");
  app.add_option("--val-fraction", options.val_fraction, "share of patients for validation");
  app.add_option("--limit", options.limit, "at most so many images of each split; 0: all");
  app.add_option("--max-bad", options.max_bad, "share of unreadable images that is put up with");
  app.add_option("--image-size", options.image_size,
                 "side of the model's input in pixels; 0: what the model is made for");
  app.add_option("--fit", options.fit, "stretch, pad: how an image becomes a square");
  app.add_option("--augment", options.augment, "default, mura-paper, none");
  app.add_option("--normalization", options.normalization,
                 "data, imagenet: whose mean and standard deviation");
  app.add_option("--cache", options.cache, "decoded images: memory, none, or a folder");
  app.add_option("--workers", options.workers,
                 "threads that prepare data; 0: none beside the model");
}

void add_training_options(CLI::App& app, osteon::TrainOptions& options) {
  app.add_option("--arch", options.arch, known_models());
  app.add_option("--width", options.width, "channels after the stem")->group("");  // for tests
  app.add_option("--init", options.init,
                 "weights to start from: safetensors, or a state dict of PyTorch (.pth)");
  app.add_flag("--zero-init-residual", options.zero_init_residual,
               "start each residual branch at zero: learning begins faster");
  app.add_option("--epochs", options.epochs, "passes over the training images");
  app.add_option("--batch-size", options.batch_size, "images a batch");
  app.add_option("--accumulate", options.accumulate, "batches a step");
  app.add_option("--optimizer", options.optimizer, "adam, adamw, sgd");
  app.add_option("--lr", options.lr, "learning rate");
  app.add_option("--weight-decay", options.weight_decay,
                 "L2 for adam and sgd, decoupled for adamw");
  app.add_option("--schedule", options.schedule,
                 "constant, step (/10 every 10 epochs), plateau (/10), cosine (with warm-up)");
  app.add_option("--clip-norm", options.clip_norm, "largest norm of the gradient; 0: any");
  app.add_option("--patience", options.patience,
                 "end after so many epochs in a row without a better one on validation; 0: never");
  app.add_option("--positive-weight", options.positive_weight,
                 "paper (per body part), balanced, none, or the weight of an abnormal image");
  app.add_option(
      "--threshold", options.threshold,
      "probability from which on an image is abnormal; val, val-f1: chosen on validation "
      "(Youden, F1)");
  app.add_option("--temperature", options.temperature,
                 "what logits are divided by; val: fitted on validation");
}

void add_run_options(CLI::App& app, osteon::TrainOptions& options) {
  app.add_flag(
      "--resume", options.resume,
      "continue the run in --out with its own options; may be given anew: --data (moved), "
      "--workers, --cache, --max-bad, --save-every, --skip-nonfinite, --patience, --epochs (not "
      "with cosine), and, giving up equal bits, --threads, --backend, --device");
  app.add_option("--save-every", options.save_every,
                 "minutes between checkpoints within an epoch; 0: only at its end");
  app.add_flag("--skip-nonfinite", options.skip_nonfinite,
               "leave out, and count, batches whose loss or gradient is not finite");
}

void add_machine_options(CLI::App& app, osteon::TrainOptions& options) {
  app.add_option("--device", options.device, "auto, cpu, cuda, cuda:N");
  app.add_option("--backend", options.backend, "auto, reference: which CPU kernels");
  app.add_option("--precision", options.precision, "fp32, tf32, bf16");
  app.add_flag(
      "--autotune", options.autotune,
      "on a CUDA device, choose what computes each convolution and batch norm by timing; the "
      "choices are kept with the run, since they differ from run to run");
  app.add_flag("--allow-nondeterministic", options.allow_nondeterministic,
               "on a CUDA device, choose from more, but with other bits from run to run");
  app.add_option("--threads", options.threads, "threads that compute; 0: all cores");
  app.add_option("--seed", options.seed, "of the weights, the order and the augmentation");
  app.add_flag("--tensorboard", options.tensorboard,
               "also write event files for TensorBoard into OUT/tensorboard");
  app.add_flag("--quiet", options.quiet, "no progress, only the result");
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app("Trains a classifier of bone radiographs, normal or abnormal, and evaluates it",
               "train_mura");
  app.option_defaults()->always_capture_default();
  osteon::TrainOptions options;
  add_data_options(app, options);
  add_training_options(app, options);
  add_run_options(app, options);
  add_machine_options(app, options);
  // A recipe changes defaults, so it is applied while parsing, before the options that follow it
  // are stored: CLI11 stores in the order of declaration, hence the early callback.
  app.add_option_function<std::string>(
         "--recipe", [&](const std::string& name) { osteon::apply_recipe(name, options); },
         "mura-paper: the settings of the MURA paper; other options still count")
      ->trigger_on_parse();
  return osteon::run_app(app, argc, argv, [&] {
    if (options.resume) {  // what the command line leaves open is as the run had it
      options = osteon::options_of_run(options.out);
      app.parse(argc, argv);
    }
    const osteon::Device device = osteon::configure_process(options.device, options.backend,
                                                            options.precision, options.threads);
    osteon::Trainer trainer(options, device);
    trainer.train();
    trainer.evaluate_best()->print(std::cout);
    std::cout << "\nresults in " << options.out.string() << "\n";
  });
}
