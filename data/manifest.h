// A data set: a list of labelled images, each with its study, patient, body part and split. Readers
// (data/readers/) make it.
#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include "data/split.h"

namespace osteon {

inline constexpr std::int8_t kUnknown = -1;

struct Sample {
  std::string path;        // relative to Manifest::root (or absolute, if a CSV file has it so)
  std::int64_t label = 0;  // index into Manifest::classes; see `labels` and `value`
  std::string study{};     // the same for all views of a study
  std::string patient{};   // never in two splits
  std::string part{};      // body part, e.g. XR_WRIST; empty if unknown
  Split split = Split::train;
  std::string name{};  // the same for all spellings of `path`; see ManifestOptions::names
  std::vector<std::int8_t> labels{};  // multilabel: 0, 1 or kUnknown for each of Manifest::classes
  double value = 0;                   // regression
};

struct Manifest {
  std::string dataset;  // the reader that made it: mura, fracatlas, ...
  std::filesystem::path root;
  // binary: {negative, positive}; multiclass: sorted; ordinal: grades from the lowest on;
  // multilabel: columns; regression: the number's name
  std::vector<std::string> classes;
  std::vector<Sample> samples;        // sorted by name
  std::vector<std::string> warnings;  // faults that did not stop the reader, one per line
  std::filesystem::path source{};     // the folder or list as read_manifest was given it
  // The data set or one of its columns (--split-by) defines them; else read_manifest drew them.
  bool has_own_splits = false;
  std::vector<std::string> sets{};  // names of joined data sets (data/data_sets.h); empty: one
  std::string task = "binary";      // for which the labels are read (eval/task.h)
};

// The name of the data set's folder or list, for titles.
std::string name_of(const Manifest& manifest);

// The folder to which paths are relative.
std::filesystem::path absolute_root(const Manifest& manifest);

// The names of its joined data sets, or its own name.
std::vector<std::string> set_names(const Manifest& manifest);

// The names of images, by which splits are drawn and evaluations are compared.
enum class ImageNames {
  relative,  // to the folder that all images of the data set have in common (data/image_names.h)
  listed,    // as a CSV file spells the path: the rule of earlier versions
};
// "relative" or "listed". Throws UsageError for another name.
const char* names_rule(ImageNames names);
ImageNames names_from_rule(const std::string& rule);

// The columns of a data set's list that contain the labels; empty: the layout's own.
struct LabelColumns {
  std::string one{};                // --label-column
  std::vector<std::string> many{};  // --labels
};

struct ManifestOptions {
  std::string dataset = "auto";  // auto|mura|fracatlas|grazped|btxrd|boneage|folder|csv
  std::string task = "auto";     // auto, binary, multiclass, ordinal, multilabel, regression
  LabelColumns columns{};
  std::int64_t max_grade = -1;         // ordinal: higher ones count as it; negative: none do
  std::vector<std::string> classes{};  // multiclass, ordinal: of a model; empty: the data's
  // Name of the positive class, in any case; several with commas for joined sets; empty: guessed.
  std::string positive{};
  std::vector<std::string>
      parts{};               // keep these body parts only (WRIST means XR_WRIST); empty: all
  std::string split_by{};    // column of the list whose values define the splits; empty: none
  double val_fraction = -1;  // share of patients for val; negative: the reader's default
  std::uint64_t seed = 0;    // of the split
  ImageNames names = ImageNames::relative;
};

// Reads the data set in the folder (or CSV file) `data`. Image files are not opened: an image that
// is listed but missing is in the manifest, and reading it throws.
//
// The task auto is multilabel if options.columns.many names columns, else binary with two classes
// and multiclass with more. It is never a number's: boneage needs the task regression. Classes and
// labels of each task:
//   binary      {negative, positive}. The positive class is options.positive; without it, the class
//               called abnormal, positive, fractured or 1. MURA's classes are {normal, abnormal}
//   multiclass  names, sorted, or options.classes, of which some may have no image
//   ordinal     whole numbers from the lowest to the highest one of the data ("0", "1", "2+" with
//               max_grade 2), or options.classes
//   multilabel  the columns; each field is 0, 1 or empty (unknown)
//   regression  {the column's name}; numbers
//
// Splits, with u in [0, 1) hashed from (seed, patient), see split.h:
//   mura       valid -> test; train -> val if u < val_fraction (0.1 by default), else train
//   fracatlas  train | val | test at 1-v-0.15 and 0.85, v = val_fraction (0.15 by default); the
//              block of 20 consecutive ids is the patient, block0014 for 280 .. 299
//   grazped    as fracatlas with the column patient_id
//   btxrd      as fracatlas with each image its own patient
//   boneage    as fracatlas with each image its own patient
//   folder     by train/val/test folders, else as fracatlas with each image its own patient; two
//              knees are one patient if all files have names like 9001695L.png
//   csv        by the column `split`, else as fracatlas with the column `patient`, without it
//              `study`, without it the image's name
// If a folder or CSV file has splits but no val, val_fraction of train goes to val. With
// options.split_by, the images with its most frequent value are train, of which
// val_fraction (0.15 by default) goes to val, and all others are test. A split may be empty; code
// that needs one checks.
//
// Throws Error for a missing folder or file, a fault of structure (the CSV's file:line or the
// folder is named), classes that are not as many as the task needs, a label that is none of its
// classes, grades or numbers, an image that
// is listed twice and a patient in two splits. Throws UsageError for an option that does not match
// the data set: an unknown reader, class or part, a positive class that cannot be guessed or does
// not exist, a val_fraction that is out of range or given although there is a val split, a
// split_by that is no column, has one value only, or is given although there are splits.
Manifest read_manifest(const std::filesystem::path& data, const ManifestOptions& options);

// Whether a patient is of this joined data set.
bool is_of_set(const std::string& patient, const std::string& set);
// The index of the sample's data set among manifest.sets, whose name its patient begins with.
std::size_t set_of(const Manifest& manifest, const Sample& sample);

// Keeps the images of these body parts; WRIST also means XR_WRIST. Keeps all if there is no name.
// Throws UsageError naming the parts of the data set if one is unknown.
void keep_parts(Manifest& manifest, const std::vector<std::string>& wanted);

// The classes among which a sample is counted: its class, or all labels that are 1; none for a
// number.
std::vector<std::size_t> counted_classes(const Manifest& manifest, const Sample& sample);
// The labels that are 1: "hand, hip"; "none", or "unknown" if one of them is.
std::string label_names(std::span<const std::int8_t> labels, const std::vector<std::string>& names);
// The label in words: "fractured", label_names(), "132.5".
std::string label_text(const Manifest& manifest, const Sample& sample);

// Writes the samples as a CSV file path,label,study,patient,part,split, which read_manifest reads
// back as the same samples: labels are class names or numbers, with the task multilabel a column
// for each class instead of `label`; paths are absolute. Throws Error naming the file if it cannot
// be written.
void write_manifest_csv(const std::filesystem::path& file, const Manifest& manifest);

}  // namespace osteon
