// What a data set is to the rest of the program: a list of labelled images with the study, patient
// and body part each belongs to, and the split it is in. Readers (mura, fracatlas, folder, csv)
// make one.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "data/split.h"

namespace osteon {

struct Sample {
  std::string path;        // relative to Manifest::root (or absolute, where a CSV file says so)
  std::int64_t label = 0;  // index into Manifest::classes; 1 is the positive (abnormal) class
  std::string study;       // views of one study share it
  std::string patient;     // never in two splits
  std::string part;        // body part, e.g. XR_WRIST; empty where the data set does not say
  Split split = Split::train;
};

struct Manifest {
  std::string dataset;  // the reader that made it: mura, fracatlas, folder or csv
  std::filesystem::path root;
  std::vector<std::string> classes;   // {negative name, positive name}
  std::vector<Sample> samples;        // sorted by path
  std::vector<std::string> warnings;  // oddities that did not stop the reader, a line each
};

struct ManifestOptions {
  std::string dataset = "auto";    // auto|mura|fracatlas|folder|csv
  std::string positive;            // name of the positive class, in any case; empty: guessed
  std::vector<std::string> parts;  // keep these body parts only (WRIST means XR_WRIST); empty: all
  double val_fraction = -1;        // share of patients for val; negative: the reader's own
  std::uint64_t seed = 0;          // of the split
};

// Reads the data set in the folder (or CSV file) `data`. Images are named, not opened: one that is
// listed but missing is in the manifest, and whoever opens it finds out.
//
// Classes: {negative, positive}; the positive one is options.positive or, without it, the one
// called abnormal, positive, fractured or 1. MURA's are {normal, abnormal}.
//
// Splits, with u in [0, 1) hashed from (seed, patient), see split.h:
//   mura       valid -> test; train -> val where u < val_fraction (0.1 unless told), else train
//   fracatlas  train | val | test at 1-v-0.15 and 0.85, v = val_fraction (0.15 unless told); for
//              the patient stands the block of 20 consecutive ids, block0014 for 280 .. 299
//   folder     by train/val/test folders, else as fracatlas with each image its own patient
//   csv        by the column `split`, else as fracatlas with the column `patient`
// Where a folder or CSV names splits but no val, val_fraction moves that share of train there.
// A split may be empty: whoever needs one checks.
//
// Throws Error for a missing folder or file, a fault of structure (the CSV's file:line or the
// folder named), more or fewer than two classes, an unknown label, an image that is listed twice
// and a patient in two splits; UsageError for an option that does not fit the data set (an unknown
// reader, class or part, a positive class that cannot be guessed, a val_fraction out of range or
// beside a val split that is there already).
Manifest read_manifest(const std::filesystem::path& data, const ManifestOptions& options);

// Writes the samples as a CSV file path,label,study,patient,part,split that read_manifest reads
// back as the same samples: labels are class names, paths are absolute. Throws Error naming the
// file when it cannot be written.
void write_manifest_csv(const std::filesystem::path& file, const Manifest& manifest);

}  // namespace osteon
