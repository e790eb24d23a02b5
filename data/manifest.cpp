// The steps that all data sets share after a reader has listed the images: the task and its
// classes, splits, and checks that a study is consistent.
#include "data/manifest.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <set>
#include <unordered_map>
#include <utility>

#include "base/csv_table.h"
#include "base/error.h"
#include "base/file.h"
#include "base/text.h"
#include "data/image_names.h"
#include "data/readers/readers.h"

namespace osteon {
namespace {

namespace fs = std::filesystem;

constexpr const char* kPositiveNames[] = {"abnormal", "positive", "fractured", "1"};

std::string detect(const fs::path& data) {
  if (!fs::is_directory(data)) return "csv";
  if (is_mura(data)) return "mura";
  if (is_fracatlas(data)) return "fracatlas";
  return "folder";
}

ImageListing list_images(const fs::path& data, const std::string& dataset) {
  using Reader = ImageListing (*)(const fs::path&);
  static const std::map<std::string, Reader> readers = {{"mura", read_mura},
                                                        {"fracatlas", read_fracatlas},
                                                        {"folder", read_folder},
                                                        {"csv", read_csv_list}};
  const auto reader = readers.find(dataset);
  if (reader == readers.end())
    throw UsageError("--dataset \"" + dataset + "\": choose auto, mura, fracatlas, folder or csv");
  OSTEON_CHECK((dataset == "csv") == !fs::is_directory(data), data.string(), ": data set ", dataset,
               dataset == "csv" ? " is a file, not a folder" : " is a folder, not a file");
  return reader->second(data);
}

// "file:line: path" or "path", for messages.
std::string name_of(const ImageRecord& record) { return record.place + record.path; }

// Names the images; an image without a study is its own study, a study without a patient its own
// patient.
void set_names(ImageListing& listing, ImageNames rule) {
  std::vector<std::string> names;
  std::vector<fs::path> paths;
  for (const ImageRecord& record : listing.records) {
    names.push_back(record.path);
    paths.push_back(listing.root / record.path);
  }
  if (listing.has_free_paths && rule == ImageNames::relative) names = image_names(paths);
  for (std::size_t i = 0; i < names.size(); ++i) {
    ImageRecord& record = listing.records[i];
    record.name = as_utf8(names[i]);
    for (std::string* text : {&record.class_name, &record.study, &record.patient, &record.part})
      *text = as_utf8(*text);
    if (record.study.empty()) record.study = record.name;
    if (record.patient.empty()) record.patient = record.study;
  }
}

void check_listed_once(const ImageListing& listing) {
  std::unordered_map<std::string, const ImageRecord*> seen;
  for (const ImageRecord& record : listing.records) {
    const auto [first, added] = seen.try_emplace(record.name, &record);
    OSTEON_CHECK(added, name_of(record), " is listed twice; first at ", first->second->place);
  }
}

void check_patients(const ImageListing& listing) {
  std::unordered_map<std::string, const ImageRecord*> seen;
  for (const ImageRecord& record : listing.records) {
    if (!record.split) continue;
    const ImageRecord& first = *seen.try_emplace(record.patient, &record).first->second;
    OSTEON_CHECK(first.split == record.split, "patient ", record.patient,
                 " is in two splits: ", split_name(*first.split), " (", name_of(first), ") and ",
                 split_name(*record.split), " (", name_of(record), ")");
  }
}

// The classes in the records, each with its first record and its count.
struct ClassCount {
  const ImageRecord* first;
  std::int64_t images;
};
using ClassCounts = std::map<std::string, ClassCount>;

ClassCounts count_classes(const ImageListing& listing) {
  ClassCounts counts;
  for (const ImageRecord& record : listing.records)
    ++counts.try_emplace(record.class_name, &record, 0).first->second.images;
  return counts;
}

std::vector<std::string> class_names(const ImageListing& listing, const ClassCounts& counts) {
  if (!listing.classes.empty()) return listing.classes;
  std::vector<std::string> names;
  for (const auto& [name, count] : counts) names.push_back(name);
  return names;
}

// Throws Error naming the rarest class if there are more than two.
void check_two_classes(const std::vector<std::string>& names, const ClassCounts& counts) {
  if (names.size() == 2) return;
  const auto rarest =
      std::ranges::min_element(counts, {}, [](const auto& entry) { return entry.second.images; });
  throw Error(format(name_of(*rarest->second.first), ": label \"", rarest->first, "\" makes ",
                     names.size(), " classes (", join(names),
                     "); the task binary needs two (train_mura --task multiclass takes them all)"));
}

// The index of the positive class among the two names.
std::size_t positive_index(const std::vector<std::string>& names, const std::string& wanted) {
  std::vector<std::size_t> matches;
  for (std::size_t i = 0; i < names.size(); ++i) {
    const std::string name = lower_case(names[i]);
    const bool matched =
        wanted.empty() ? std::ranges::count(kPositiveNames, name) > 0 : name == lower_case(wanted);
    if (matched) matches.push_back(i);
  }
  if (matches.size() == 1) return matches.front();
  if (!wanted.empty())
    throw UsageError(format("--positive: class \"", wanted, "\": the classes are ", join(names)));
  throw UsageError(format("the positive class cannot be guessed from ", join(names),
                          "; name it with --positive"));
}

// Throws Error naming an image of a class that a model does not know.
void check_known_classes(const std::vector<std::string>& known,
                         const std::vector<std::string>& names, const ClassCounts& counts) {
  for (const auto& [name, count] : counts)
    OSTEON_CHECK(std::ranges::find(known, name) != known.end(), name_of(*count.first), ": label \"",
                 name, "\" is none of the model's classes ", join(known),
                 "; those of the data are ", join(names));
}

// Decides on the task and sets the classes in its order.
void set_classes(Manifest& manifest, const ImageListing& listing, const ManifestOptions& options) {
  const ClassCounts counts = count_classes(listing);
  std::vector<std::string>& names = manifest.classes = class_names(listing, counts);
  if (options.task == "multiclass" && !options.classes.empty()) {
    check_known_classes(options.classes, names, counts);
    names = options.classes;
  }
  OSTEON_CHECK(names.size() > 1, manifest.source.string(), ": all images are of one class, ",
               join(names), "; two are needed");
  manifest.task = options.task != "auto" ? options.task
                  : names.size() == 2    ? "binary"
                                         : "multiclass";
  if (manifest.task == "binary") {
    check_two_classes(names, counts);
    if (positive_index(names, options.positive) == 0) std::swap(names[0], names[1]);
  } else if (!options.positive.empty()) {
    throw UsageError(format("--positive: the task ", manifest.task, " has the classes ",
                            join(names), ", and none of them is positive; leave the option out"));
  }
}

void check_val_fraction(double fraction, double limit) {
  if (!(fraction >= 0 && fraction < limit))
    throw UsageError(format("--val-fraction ", fraction, ": must be at least 0 and below ", limit));
}

// Draws the splits that the data set does not define: all of them, or only val.
void draw_splits(ImageListing& listing, const ManifestOptions& options) {
  const bool is_set = options.val_fraction >= 0 || std::isnan(options.val_fraction);
  if (!listing.records.front().split) {
    const double share = is_set ? options.val_fraction : kValShare;
    check_val_fraction(share, 1 - kTestShare);
    for (ImageRecord& record : listing.records)
      record.split = hashed_split(options.seed, record.patient, share);
    return;
  }
  const bool has_val = std::ranges::count(listing.records, Split::val, &ImageRecord::split) > 0;
  if (has_val && is_set)
    throw UsageError("--val-fraction: the data set names its own val images; leave the option out");
  const double share = is_set ? options.val_fraction : listing.val_share_of_train;
  check_val_fraction(share, 1);
  for (ImageRecord& record : listing.records)
    if (record.split == Split::train && split_draw(options.seed, record.patient) < share)
      record.split = Split::val;
}

}  // namespace

const char* names_rule(ImageNames names) {
  return names == ImageNames::relative ? "relative" : "listed";
}

ImageNames names_from_rule(const std::string& rule) {
  for (const ImageNames names : {ImageNames::relative, ImageNames::listed})
    if (rule == names_rule(names)) return names;
  throw UsageError("image names \"" + rule + "\": expected relative or listed");
}

// The path may end with a slash or be ".".
std::string name_of(const Manifest& manifest) {
  const fs::path path = manifest.dataset == "csv" ? manifest.source : manifest.root;
  const fs::path whole = fs::absolute(path).lexically_normal();
  return (whole.has_filename() ? whole : whole.parent_path()).filename().string();
}

Manifest read_manifest(const fs::path& data, const ManifestOptions& options) try {
  OSTEON_CHECK(fs::exists(data), data.string(), ": no such folder or file");
  const std::string dataset = options.dataset == "auto" ? detect(data) : options.dataset;
  ImageListing listing = list_images(data, dataset);
  OSTEON_CHECK(!listing.records.empty(), data.string(), ": contains no images (read as ", dataset,
               ")");
  set_names(listing, options.names);
  check_listed_once(listing);
  check_patients(listing);

  Manifest manifest;
  manifest.dataset = dataset;
  manifest.source = data;
  manifest.root = listing.root;
  set_classes(manifest, listing, options);
  manifest.warnings = std::move(listing.warnings);
  manifest.has_own_splits = listing.records.front().split.has_value();
  draw_splits(listing, options);
  for (ImageRecord& record : listing.records)
    manifest.samples.push_back(
        {std::move(record.path),
         std::ranges::find(manifest.classes, record.class_name) - manifest.classes.begin(),
         std::move(record.study), std::move(record.patient), std::move(record.part), *record.split,
         std::move(record.name)});
  std::ranges::sort(manifest.samples, {}, &Sample::name);
  keep_parts(manifest, options.parts);
  return manifest;
} catch (const fs::filesystem_error& error) {
  throw Error(format(error.path1().string(), ": cannot be read: ", error.code().message()));
}

void keep_parts(Manifest& manifest, const std::vector<std::string>& wanted) {
  if (wanted.empty()) return;
  std::set<std::string> known, kept;
  for (const Sample& sample : manifest.samples)
    if (!sample.part.empty()) known.insert(sample.part);
  for (const std::string& name : wanted) {
    const auto found = std::ranges::find_if(known, [&](const std::string& part) {
      return upper_case(part) == upper_case(name) || upper_case(part) == "XR_" + upper_case(name);
    });
    if (found == known.end())
      throw UsageError(format("--parts: body part \"", name, "\": ",
                              known.empty()
                                  ? "the data set names no parts"
                                  : "the data set has " + join({known.begin(), known.end()})));
    kept.insert(*found);
  }
  std::erase_if(manifest.samples,
                [&](const Sample& sample) { return !kept.contains(sample.part); });
}

void write_manifest_csv(const fs::path& file, const Manifest& manifest) {
  std::string text = csv_line({"path", "label", "study", "patient", "part", "split"});
  const fs::path root = fs::absolute(manifest.root);
  for (const Sample& sample : manifest.samples)
    text += csv_line({(root / sample.path).lexically_normal().string(),
                      manifest.classes[static_cast<std::size_t>(sample.label)], sample.study,
                      sample.patient, sample.part, split_name(sample.split)});
  write_file_atomically(file, text);
}

}  // namespace osteon
