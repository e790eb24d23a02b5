// The options of a training run with their defaults; train/option_table.h has their help and
// checks.
#pragma once

#include <cstdint>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "data/data_sets.h"
#include "eval/machine.h"

namespace osteon {

struct TrainOptions : MachineOptions {
  DataSets data;
  std::filesystem::path out;
  std::string dataset = "auto";            // auto, mura, fracatlas, folder, csv
  std::string task = "auto";               // see Manifest::task
  std::vector<std::string> labels;         // multilabel: columns
  std::string label_column;                // empty: the data set's own
  std::int64_t max_grade = -1;             // ordinal: higher grades count as it; negative: none do
  std::vector<std::string> sample_weight;  // NAME=WEIGHT of a joined data set
  std::string positive;                    // name of the positive class; empty: guessed
  std::vector<std::string> parts;          // body parts kept; empty: all
  std::string image_names = "relative";    // as a split is drawn by them: relative, listed
  std::uint64_t split_seed = 0;  // of the split only: runs with other seeds have the same test set
  std::int64_t folds = 0, fold = 0;  // data/folds.h
  std::string split_by;              // column whose values define the splits; empty: none
  double val_fraction = -1;          // share of patients for validation; negative: the reader's
  std::int64_t limit = 0;            // maximum number of images per split; 0: all
  double max_bad = 0.01;             // share of unreadable images that is tolerated

  std::int64_t image_size = 0;      // side of the model's input; 0: the model's own
  std::string fit = "stretch";      // stretch, pad
  std::string augment = "default";  // default, mura-paper, trivial, none
  double jitter = 0;                // maximum relative change of brightness and contrast
  double erase = 0;                 // probability that a rectangle of an image is erased
  double mixup = 0, cutmix = 0;     // parameters of the Beta distributions of shares; 0: none
  // Mean and std: data (of the training split), imagenet, init (of the initial weights), auto (init
  // with initial weights, else data).
  std::string normalization = "auto";
  std::string cache = "memory";  // none, memory, a folder
  int workers = 2;

  std::string arch = "resnet50";
  std::int64_t width = 64;          // of the model, in 64ths of the published one's
  std::filesystem::path init;       // weights to start from; empty: He initialisation
  bool zero_init_residual = false;  // start each residual branch at zero
  double drop_path = -1;            // rate of stochastic depth; negative: the model's own
  std::int64_t epochs = 10;
  std::int64_t batch_size = 32;
  std::int64_t accumulate = 1;     // batches per step
  std::string optimizer = "adam";  // adam, adamw, sgd
  double lr = 1e-3;
  double head_lr = 0;  // of the head; 0: lr
  double weight_decay = 0;
  double weight_decay_norm = -1;    // of norms and biases; negative: weight_decay
  std::int64_t freeze = 0;          // epochs in which only the head is trained
  double ema = 0;                   // decay of the average of the weights; 0: no average
  double loss_smoothing = 0;        // share of uniform targets in the training loss
  std::string schedule = "cosine";  // constant, step, plateau, cosine (one epoch of warm-up)
  double clip_norm = 0;             // 0: gradients are not clipped
  std::int64_t patience = 0;  // consecutive epochs without improvement before the run stops; 0: any
  std::string positive_weight = "paper";
  std::string threshold = "0.5";  // a number, or val, val-f1: chosen after each epoch
  std::string temperature = "1";  // a number, or val: fitted after each epoch

  std::int64_t shards = 0;  // of each batch; 0: as many as processes
  bool sync_batch_norm = false;
  bool scale_lr = false;
  double hang_timeout = 120;  // seconds without progress of a process; 0: no limit

  bool autotune = false;  // choose kernels by timing
  bool allow_nondeterministic =
      false;  // CUDA: also algorithms whose results differ from run to run
  std::uint64_t seed = 0;

  double save_every = 10;       // minutes between checkpoints within an epoch; 0: none
  bool skip_nonfinite = false;  // skip a step whose loss or gradient is not finite
  bool resume = false;          // continue the run in `out`
  bool tensorboard = false;     // event files in `out`/tensorboard
  bool quiet = false;
};

// The settings of Rajpurkar et al., "MURA", MIDL 2018, section 3: 320 px, flips and rotations of
// ±30 degrees, Adam at 1e-4 in batches of 8, divided by 10 when validation stalls, ImageNet's mean
// and std.
//
// finetune: for initial weights (--init) and few images. AdamW in batches of 32, the head ten times
// as fast as the body and alone in the first epoch, no weight decay of norms and biases, an average
// of the weights, jitter, erased rectangles and smoothed labels. Throws UsageError for another
// name.
void apply_recipe(const std::string& name, TrainOptions& options);

// Checks what can be checked before any data is read; throws UsageError with the way out.
void check_options(const TrainOptions& options);

// The options under the names of the command line, without out, resume, tensorboard and quiet.
nlohmann::ordered_json to_json(const TrainOptions& options);

// The options that to_json returned. Throws Error for a member that is missing or of another kind;
// an option that older runs lack gets its default.
TrainOptions options_from_json(const nlohmann::ordered_json& json);

}  // namespace osteon
