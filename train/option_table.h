// The table of train_mura's options: each with its name, group, help, check and rule of --resume.
#pragma once

#include "data/augment.h"
#include "data/data_options.h"
#include "data/image/image.h"
#include "eval/calibration.h"
#include "eval/sample_weights.h"
#include "nn/models.h"
#include "optim/lr_scheduler.h"
#include "optim/make_optimizer.h"
#include "train/options.h"

namespace osteon {

// Calls visit(info, member, check) for each option, in the order of --help and config.json.
template <class Options, class Visit>
void for_each_option(Options& o, const Visit& visit) {
  using enum OptionGroup;
  using enum OnResume;
  const AnyValue any;
  const auto is_side = [](std::int64_t side) {
    return std::string(side == 0 || (side >= 16 && side <= 4096)
                           ? ""
                           : "expected 16 to 4096, or 0 for the model's own");
  };
  const auto is_shards = [](std::int64_t shards) {
    const bool is_power = shards >= 0 && (shards & (shards - 1)) == 0;
    return std::string(is_power ? "" : "expected a power of two, or 0 for one per process");
  };
  const auto info = [](const char* name, OptionGroup group, const char* help,
                       OnResume on_resume = fixed) {
    return OptionInfo{name, group, help, on_resume};
  };

  // An option that runs of earlier versions did not record.
  const auto newer = [&](const char* name, OptionGroup group, const char* help) {
    OptionInfo option = info(name, group, help);
    option.may_be_absent = true;
    return option;
  };

  visit(kDataOption, o.data, any);
  visit(kDatasetOption, o.dataset, kDatasets);
  visit(newer("task", data,
              "the question: two classes, one of them positive; several classes; grades; several "
              "labels at once; a number; auto: multilabel with --labels, else by the number of "
              "classes"),
        o.task, OneOf{{"auto", "binary", "multiclass", "ordinal", "multilabel", "regression"}});
  visit(kLabelsOption, o.labels, any);
  visit(kLabelColumnOption, o.label_column, any);
  visit(kMaxGradeOption, o.max_grade, any);
  visit(kPositiveOption, o.positive, any);
  visit(kPartsOption, o.parts, any);
  visit(OptionInfo{.name = "image-names",
                   .group = data,
                   .help = "names by which a split is drawn; listed: of runs of earlier versions",
                   .may_be_absent = true,
                   .is_hidden = true},
        o.image_names, OneOf{{"relative", "listed"}});
  visit(kSplitSeedOption, o.split_seed, any);
  visit(kSplitByOption, o.split_by, any);
  visit(kValFractionOption, o.val_fraction, any);
  visit(kFoldsOption, o.folds, any);
  visit(kFoldOption, o.fold, any);
  visit(kLimitOption, o.limit, AtLeast{0});
  visit(kMaxBadOption, o.max_bad, InRange{0, 1});
  visit(info("image-size", data, "side of the model's input in pixels; 0: the model's own"),
        o.image_size, is_side);
  visit(info("fit", data, "how an image becomes a square"), o.fit, OneOf{{"stretch", "pad"}});
  visit(info("augment", data, "random changes of training images"), o.augment,
        OneOf{{"default", "mura-paper", "trivial", "none"}});
  visit(newer("jitter", data, "maximum relative change of brightness and of contrast"), o.jitter,
        InRange{0, 1});
  visit(newer("erase", data, "probability that a rectangle of a training image is erased"), o.erase,
        InRange{0, 1});
  visit(newer("mixup", data,
              "mix pairs of training images, with shares of Beta(MIXUP, MIXUP); 0: none"),
        o.mixup, InRange{0, 100});
  visit(newer("cutmix", data,
              "put a rectangle of one training image into another, with shares of "
              "Beta(CUTMIX, CUTMIX); 0: none"),
        o.cutmix, InRange{0, 100});
  visit(info("normalization", data,
             "source of mean and standard deviation; auto: init with --init, otherwise data"),
        o.normalization, OneOf{{"auto", "data", "imagenet", "init"}});
  visit(info("cache", data, "decoded images: memory, none, or a folder", may_change), o.cache, any);
  visit(kWorkersOption, o.workers, AtLeast{0});

  visit(info("arch", model, "architecture"), o.arch,
        AsParsedBy{[](const std::string& name) { find_architecture(name); }});
  visit(OptionInfo{.name = "width",
                   .group = model,
                   .help = "of the model, in 64ths of the published one's",
                   .may_be_absent = true,
                   .is_hidden = true},
        o.width, InRange{1, kMaxWidth});
  visit(info("init", model, "initial weights: safetensors, or a .pth file of PyTorch"), o.init,
        any);
  visit(info("zero-init-residual", model, "start each residual branch at zero (ResNets)"),
        o.zero_init_residual, any);
  visit(newer("drop-path", model,
              "rate of stochastic depth in the last residual block, growing from 0; negative: the "
              "model's own"),
        o.drop_path, InRange{-1, 0.99});

  visit(info("epochs", training, "passes over the training images", unless_cosine), o.epochs,
        AtLeast{1});
  visit(info("batch-size", training, "images per batch"), o.batch_size,
        AtLeast{2, "expected at least 2 for every model, because batch norm needs 2 images"});
  visit(info("accumulate", training, "batches per step"), o.accumulate, AtLeast{1});
  visit(newer("shards", training,
              "shards of --batch-size images, each a batch of its own, that make one step; a power "
              "of two that the number of processes divides: the weights do not depend on that "
              "number; 0: one per process"),
        o.shards, is_shards);
  visit(newer("sync-batch-norm", training,
              "several processes: batch norm by the statistics of the whole batch, instead of each "
              "shard's own"),
        o.sync_batch_norm, any);
  visit(newer("scale-lr", training, "multiply the learning rates by the number of shards"),
        o.scale_lr, any);
  visit(info("optimizer", training, "update rule"), o.optimizer, OneOf{optimizer_names()});
  visit(info("lr", training, "learning rate"), o.lr, Between{0, 1e3});
  visit(newer("head-lr", training, "learning rate of the head; 0: as --lr"), o.head_lr,
        InRange{0, 1e3});
  visit(info("weight-decay", training, "L2 for adam and sgd, decoupled for adamw"), o.weight_decay,
        AtLeast{0});
  visit(newer("weight-decay-norm", training,
              "weight decay of norms and biases; negative: as --weight-decay"),
        o.weight_decay_norm, any);
  visit(
      newer("freeze", training,
            "epochs at the start in which only the head is trained, and the body keeps its initial "
            "weights and statistics"),
      o.freeze, AtLeast{0});
  visit(newer("ema", training,
              "decay of an average of the weights, such as 0.9998; after each epoch the better of "
              "weights and average counts; 0: no average"),
        o.ema, InRange{0, 0.999999});
  visit(newer("loss-smoothing", training,
              "label smoothing: share of uniform targets in the training loss"),
        o.loss_smoothing, InRange{0, 1});
  visit(info("schedule", training,
             "learning rate over time: step and plateau divide it by 10, cosine warms up"),
        o.schedule, OneOf{schedule_names()});
  visit(info("clip-norm", training, "maximum norm of the gradient; 0: no limit"), o.clip_norm,
        AtLeast{0});
  visit(OptionInfo{.name = "patience",
                   .group = training,
                   .help = "stop after this many consecutive epochs without improvement; 0: never",
                   .on_resume = may_change,
                   .may_be_absent = true},
        o.patience, AtLeast{0});
  visit(info("positive-weight", training,
             "weight of abnormal images: paper (per body part), balanced, none or a number; of "
             "several classes: paper, balanced or none; of several labels: for each of them"),
        o.positive_weight, AsParsedBy{check_weight_policy});
  visit(info("threshold", training,
             "an image is abnormal from this probability on; val, val-f1: chosen on the validation "
             "split (Youden's index, F1)"),
        o.threshold, AsParsedBy{parse_threshold});
  visit(newer("sample-weight", training,
              "NAME=WEIGHT of the images of a joined data set in the training loss"),
        o.sample_weight, any);
  visit(info("temperature", training, "divisor of logits; val: fitted on the validation split"),
        o.temperature, AsParsedBy{parse_temperature});
  visit(info("seed", training, "seed of weights, order and augmentation"), o.seed, any);
  visit(info("skip-nonfinite", training,
             "skip and count steps whose loss or gradient is not finite", may_change),
        o.skip_nonfinite, any);

  visit(OptionInfo{.name = "out", .group = run, .help = "folder of the run", .is_recorded = false},
        o.out, any);
  visit(OptionInfo{.name = "resume",
                   .group = run,
                   .help = "continue the run in --out with its own options",
                   .is_recorded = false},
        o.resume, any);
  visit(info("save-every", run, "minutes between checkpoints within an epoch; 0: only at its end",
             may_change),
        o.save_every, AtLeast{0});
  visit(OptionInfo{.name = "tensorboard",
                   .group = run,
                   .help = "also write event files for TensorBoard into OUT/tensorboard",
                   .is_recorded = false},
        o.tensorboard, any);
  visit(OptionInfo{.name = "quiet",
                   .group = run,
                   .help = "print only the result and warnings",
                   .is_recorded = false},
        o.quiet, any);

  for_each_machine_option(o, visit);
  visit(OptionInfo{.name = "hang-timeout",
                   .group = machine,
                   .help = "several processes: seconds without progress of one of them after which "
                           "all end; 0: no limit",
                   .on_resume = may_change,
                   .may_be_absent = true},
        o.hang_timeout, AtLeast{0});
  visit(info("autotune", machine,
             "choose kernels by timing at the first use of a shape: of convolutions in fp32 on the "
             "CPU, of convolutions and batch norms on CUDA; stored with the run"),
        o.autotune, any);
  visit(info("allow-nondeterministic", machine,
             "CUDA: also allow algorithms whose results differ from run to run"),
        o.allow_nondeterministic, any);
}

}  // namespace osteon
