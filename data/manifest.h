// What a data set is to the rest of the program: a list of labelled images with the study, patient and
// body part each belongs to, and the split it is in. Readers (mura, fracatlas, folder, csv) make one.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace osteon {

enum class Split { train, val, test };

struct Sample {
  std::string path;     // relative to Manifest::root
  std::int64_t label;   // index into Manifest::classes; 1 is the positive (abnormal) class
  std::string study;    // views of one study share it
  std::string patient;  // never in two splits
  std::string part;     // body part, e.g. XR_WRIST; empty where the data set does not say
  Split split;
};

struct Manifest {
  std::string dataset;  // the reader that made it: mura, fracatlas, folder or csv
  std::filesystem::path root;
  std::vector<std::string> classes;   // {negative name, positive name}
  std::vector<Sample> samples;        // sorted by path
  std::vector<std::string> warnings;  // oddities that did not stop the reader, a line each
};

struct ManifestOptions {
  std::string dataset = "auto";      // auto|mura|fracatlas|folder|csv
  std::string positive;              // name of the positive class; empty: guessed
  std::vector<std::string> parts;    // keep these body parts only; empty: all
  double val_fraction = -1;          // share of patients moved to val; negative: the reader's own
  std::uint64_t seed = 0;            // of the split
};

// Reads the data set in folder (or CSV file) `data`. Throws Error for a missing folder, a fault of
// structure (file and line named) or an unknown label. Splits may be empty: whoever needs one checks.
Manifest read_manifest(const std::filesystem::path& data, const ManifestOptions& options);

}  // namespace osteon
