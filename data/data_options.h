// The options about data that several programs have.
#pragma once

#include "base/option.h"

namespace osteon {

inline constexpr OptionInfo kDataOption{
    "data", OptionGroup::data,
    "data set: a folder or a CSV file; NAME=DIR several times joins sets", OnResume::may_change};
inline constexpr OptionInfo kDatasetOption{"dataset", OptionGroup::data, "reader of the data set",
                                           OnResume::may_change};
inline constexpr OptionInfo kPositiveOption{
    "positive", OptionGroup::data,
    "name of the positive (abnormal) class, of joined sets A,B; empty: guessed"};
inline constexpr OptionInfo kLabelsOption{
    .name = "labels",
    .group = OptionGroup::data,
    .help = "columns of the data set's list with several labels per image, 0, 1 or empty (unknown)",
    .may_be_absent = true};
inline constexpr OptionInfo kLabelColumnOption{
    .name = "label-column",
    .group = OptionGroup::data,
    .help = "column of the data set's list with the one label; empty: the data set's own",
    .may_be_absent = true};
inline constexpr OptionInfo kMaxGradeOption{
    .name = "max-grade",
    .group = OptionGroup::data,
    .help = "ordinal: grades above this one count as it; negative: none do",
    .may_be_absent = true};
inline constexpr OptionInfo kPartsOption{"parts", OptionGroup::data,
                                         "body parts to keep, like XR_WRIST,XR_ELBOW; empty: all"};
inline constexpr OptionInfo kSplitSeedOption{
    "split-seed", OptionGroup::data, "seed of the split, if the data set does not state one"};
inline constexpr OptionInfo kSplitByOption{
    .name = "split-by",
    .group = OptionGroup::data,
    .help =
        "column of the data set's list: images with its most frequent value are for training and "
        "validation, all others are the test split; empty: by patient",
    .may_be_absent = true};
inline constexpr OptionInfo kValFractionOption{
    "val-fraction", OptionGroup::data,
    "share of patients for validation; negative: the data set's own"};
inline constexpr OptionInfo kFoldsOption{
    .name = "folds",
    .group = OptionGroup::data,
    .help =
        "cross-validation: divide the images into so many folds, by patient and with images "
        "that show the same together; 0: no",
    .may_be_absent = true};
inline constexpr OptionInfo kFoldOption{.name = "fold",
                                        .group = OptionGroup::data,
                                        .help = "the fold that is the test split, from 0 on",
                                        .may_be_absent = true};
inline constexpr OptionInfo kLimitOption{"limit", OptionGroup::data,
                                         "maximum number of images per split; 0: all"};
inline constexpr OptionInfo kMaxBadOption{
    "max-bad", OptionGroup::data, "tolerated share of unreadable images", OnResume::may_change};
inline constexpr OptionInfo kWorkersOption{"workers", OptionGroup::data,
                                           "threads that prepare images; 0: the main thread does",
                                           OnResume::may_change};

inline const OneOf kDatasets{
    {"auto", "mura", "fracatlas", "grazped", "btxrd", "boneage", "folder", "csv"}};

}  // namespace osteon
