// A data set: a list of labelled images, each with its study, patient, body part and split. Readers
// (mura, fracatlas, folder, csv) make it.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "data/split.h"

namespace osteon {

struct Sample {
  std::string path;        // relative to Manifest::root (or absolute, if a CSV file has it so)
  std::int64_t label = 0;  // index into Manifest::classes
  std::string study;       // the same for all views of a study
  std::string patient;     // never in two splits
  std::string part;        // body part, e.g. XR_WRIST; empty if unknown
  Split split = Split::train;
  std::string name{};  // the same for all spellings of `path`; see ManifestOptions::names
};

struct Manifest {
  std::string dataset;  // the reader that made it: mura, fracatlas, folder or csv
  std::filesystem::path root;
  std::vector<std::string> classes;   // binary: {negative, positive}; multiclass: sorted
  std::vector<Sample> samples;        // sorted by name
  std::vector<std::string> warnings;  // faults that did not stop the reader, one per line
  std::filesystem::path source{};     // the folder or list as read_manifest was given it
  bool has_own_splits = false;        // the data set defines them; else read_manifest drew them
  std::string task = "binary";        // for which the labels are read: binary or multiclass
};

// The name of the data set's folder or list, for titles.
std::string name_of(const Manifest& manifest);

// The names of images, by which splits are drawn and evaluations are compared.
enum class ImageNames {
  relative,  // to the folder that all images of the data set have in common (data/image_names.h)
  listed,    // as a CSV file spells the path: the rule of earlier versions
};
// "relative" or "listed". Throws UsageError for another name.
const char* names_rule(ImageNames names);
ImageNames names_from_rule(const std::string& rule);

struct ManifestOptions {
  std::string dataset = "auto";        // auto|mura|fracatlas|folder|csv
  std::string task = "auto";           // auto (by the number of classes), binary or multiclass
  std::vector<std::string> classes{};  // multiclass: of a model, in its order; empty: the data's
  std::string positive{};              // name of the positive class, in any case; empty: guessed
  std::vector<std::string>
      parts{};               // keep these body parts only (WRIST means XR_WRIST); empty: all
  double val_fraction = -1;  // share of patients for val; negative: the reader's default
  std::uint64_t seed = 0;    // of the split
  ImageNames names = ImageNames::relative;
};

// Reads the data set in the folder (or CSV file) `data`. Image files are not opened: an image that
// is listed but missing is in the manifest, and reading it throws.
//
// Classes: with two and the task auto or binary {negative, positive}. The positive class is
// options.positive; without it, the class called abnormal, positive, fractured or 1. MURA's classes
// are {normal, abnormal}. With more, or the task multiclass, their names, sorted, or
// options.classes, of which some may have no image.
//
// Splits, with u in [0, 1) hashed from (seed, patient), see split.h:
//   mura       valid -> test; train -> val if u < val_fraction (0.1 by default), else train
//   fracatlas  train | val | test at 1-v-0.15 and 0.85, v = val_fraction (0.15 by default); the
//              block of 20 consecutive ids is the patient, block0014 for 280 .. 299
//   folder     by train/val/test folders, else as fracatlas with each image its own patient
//   csv        by the column `split`, else as fracatlas with the column `patient`, without it
//              `study`, without it the image's name
// If a folder or CSV file has splits but no val, val_fraction of train goes to val. A split may be
// empty; code that needs one checks.
//
// Throws Error for a missing folder or file, a fault of structure (the CSV's file:line or the
// folder is named), classes that are not as many as the task needs, an unknown label, an image that
// is listed twice and a patient in two splits. Throws UsageError for an option that does not match
// the data set: an unknown reader, class or part, a positive class that cannot be guessed or does
// not exist, a val_fraction that is out of range or given although there is a val split.
Manifest read_manifest(const std::filesystem::path& data, const ManifestOptions& options);

// Keeps the images of these body parts; WRIST also means XR_WRIST. Keeps all if there is no name.
// Throws UsageError naming the parts of the data set if one is unknown.
void keep_parts(Manifest& manifest, const std::vector<std::string>& wanted);

// Writes the samples as a CSV file path,label,study,patient,part,split, which read_manifest reads
// back as the same samples: labels are class names, paths are absolute. Throws Error naming the
// file if it cannot be written.
void write_manifest_csv(const std::filesystem::path& file, const Manifest& manifest);

}  // namespace osteon
