// The steps that all data sets share after a reader has listed the images: names, labels, splits,
// and checks that a patient is in one split.
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
#include "data/labels.h"
#include "data/readers/readers.h"

namespace osteon {
namespace {

namespace fs = std::filesystem;

std::string detect(const fs::path& data) {
  if (!fs::is_directory(data)) return "csv";
  if (is_mura(data)) return "mura";
  if (is_fracatlas(data)) return "fracatlas";
  if (is_grazped(data)) return "grazped";
  if (is_btxrd(data)) return "btxrd";
  if (is_boneage(data)) return "boneage";
  return "folder";
}

ImageListing list_images(const fs::path& data, const std::string& dataset,
                         const ListColumns& columns) {
  using Reader = ImageListing (*)(const fs::path&, const ListColumns&);
  static const std::map<std::string, Reader> readers = {
      {"mura", read_mura},   {"fracatlas", read_fracatlas}, {"grazped", read_grazped},
      {"btxrd", read_btxrd}, {"boneage", read_boneage},     {"folder", read_folder},
      {"csv", read_csv_list}};
  const auto reader = readers.find(dataset);
  if (reader == readers.end())
    throw UsageError("--dataset \"" + dataset +
                     "\": choose auto, mura, fracatlas, grazped, btxrd, boneage, folder or csv");
  OSTEON_CHECK((dataset == "csv") == !fs::is_directory(data), data.string(), ": data set ", dataset,
               dataset == "csv" ? " is a file, not a folder" : " is a folder, not a file");
  return reader->second(data, columns);
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

void check_val_fraction(double fraction, double limit) {
  if (!(fraction >= 0 && fraction < limit))
    throw UsageError(format("--val-fraction ", fraction, ": must be at least 0 and below ", limit));
}

// The most frequent group; of equally frequent ones the first by name.
std::string largest_group(const ImageListing& listing, const std::string& column) {
  std::map<std::string, std::int64_t> groups;
  for (const ImageRecord& record : listing.records) {
    OSTEON_CHECK(!record.group.empty(), name_of(record), ": has no row with the column ", column,
                 ", by which --split-by splits");
    ++groups[record.group];
  }
  if (groups.size() < 2)
    throw UsageError(format("--split-by ", column, ": all images have the value ",
                            groups.begin()->first, "; two are needed"));
  return std::ranges::max_element(groups, {}, [](const auto& group) { return group.second; })
      ->first;
}

// The largest group is train, the others are test.
void split_by_group(ImageListing& listing, const std::string& column) {
  if (listing.records.front().split)
    throw UsageError(format("--split-by ", column,
                            ": the data set defines its own splits; leave the option out"));
  const std::string largest = largest_group(listing, column);
  for (ImageRecord& record : listing.records)
    record.split = record.group == largest ? Split::train : Split::test;
  listing.val_share_of_train = kValShare;
  check_patients(listing);
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

std::vector<std::string> cells_of(const Sample& sample) {
  std::vector<std::string> cells;
  for (const std::int8_t label : sample.labels)
    cells.push_back(label == kUnknown ? "" : std::to_string(label));
  return cells;
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
  if (!manifest.sets.empty()) return join(manifest.sets);
  const fs::path path = manifest.dataset == "csv" ? manifest.source : manifest.root;
  const fs::path whole = fs::absolute(path).lexically_normal();
  return (whole.has_filename() ? whole : whole.parent_path()).filename().string();
}

std::vector<std::string> set_names(const Manifest& manifest) {
  return manifest.sets.empty() ? std::vector{as_utf8(name_of(manifest))} : manifest.sets;
}

Manifest read_manifest(const fs::path& data, const ManifestOptions& options) try {
  OSTEON_CHECK(fs::exists(data), data.string(), ": no such folder or file");
  const std::string dataset = options.dataset == "auto" ? detect(data) : options.dataset;
  ImageListing listing = list_images(data, dataset, {options.columns, options.split_by});
  OSTEON_CHECK(!listing.records.empty(), data.string(), ": contains no images (read as ", dataset,
               ")");
  set_names(listing, options.names);
  check_listed_once(listing);
  check_patients(listing);

  Manifest manifest;
  manifest.dataset = dataset;
  manifest.source = data;
  manifest.root = listing.root;
  std::vector<ImageLabel> labels = read_labels(listing, options, manifest);
  manifest.warnings = std::move(listing.warnings);
  if (!options.split_by.empty()) split_by_group(listing, options.split_by);
  manifest.has_own_splits = listing.records.front().split.has_value();
  draw_splits(listing, options);
  for (std::size_t i = 0; i < labels.size(); ++i) {
    ImageRecord& record = listing.records[i];
    manifest.samples.push_back({std::move(record.path), labels[i].label, std::move(record.study),
                                std::move(record.patient), std::move(record.part), *record.split,
                                std::move(record.name), std::move(labels[i].labels),
                                labels[i].value});
  }
  std::ranges::sort(manifest.samples, {}, &Sample::name);
  keep_parts(manifest, options.parts);
  return manifest;
} catch (const fs::filesystem_error& error) {
  throw Error(format(error.path1().string(), ": cannot be read: ", error.code().message()));
}

bool is_of_set(const std::string& patient, const std::string& set) {
  return patient.size() > set.size() && patient.starts_with(set) && patient[set.size()] == '/';
}

std::size_t set_of(const Manifest& manifest, const Sample& sample) {
  return static_cast<std::size_t>(
      std::ranges::find_if(manifest.sets,
                           [&](const std::string& set) { return is_of_set(sample.patient, set); }) -
      manifest.sets.begin());
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

// The root of a list in the working directory is empty.
fs::path absolute_root(const Manifest& manifest) {
  return manifest.root.empty() ? fs::current_path() : fs::absolute(manifest.root);
}

void write_manifest_csv(const fs::path& file, const Manifest& manifest) {
  const bool is_multilabel = manifest.task == "multilabel";
  std::vector<std::string> row{"path", "study", "patient", "part", "split"};
  const auto add_labels = [&](const std::vector<std::string>& labels) {
    row.insert(row.begin() + 1, labels.begin(), labels.end());
  };
  add_labels(is_multilabel ? manifest.classes : std::vector<std::string>{"label"});
  std::string text = csv_line(row);
  const fs::path root = absolute_root(manifest);
  for (const Sample& sample : manifest.samples) {
    row = {(root / sample.path).lexically_normal().string(), sample.study, sample.patient,
           sample.part, split_name(sample.split)};
    add_labels(is_multilabel ? cells_of(sample) : std::vector{label_text(manifest, sample)});
    text += csv_line(row);
  }
  write_file_atomically(file, text);
}

}  // namespace osteon
