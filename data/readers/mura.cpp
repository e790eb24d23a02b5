// Reads MURA: {train,valid}/XR_PART/patientNNNNN/studyK_{positive,negative}/imageI.png. If there
// are lists, they take precedence: {train,valid}_image_paths.csv (one path per line) and
// {train,valid}_labeled_studies.csv (a study's folder and 0 or 1). Lists may have a header, and
// their paths may start with the name of the data set's folder.
//
// Source: Rajpurkar et al., "MURA: Large Dataset for Abnormality Detection in Musculoskeletal
// Radiographs", MIDL 2018.
#include <algorithm>
#include <map>

#include "base/csv_table.h"
#include "base/error.h"
#include "base/text.h"
#include "data/readers/readers.h"

namespace osteon {
namespace {

namespace fs = std::filesystem;

constexpr const char* kNormal = "normal";
constexpr const char* kAbnormal = "abnormal";
constexpr double kValShareOfTrain = 0.1;

// The two halves of the data set as MURA names them.
struct Half {
  const char* name;
  Split split;
};
constexpr Half kHalves[] = {{"train", Split::train}, {"valid", Split::test}};

fs::path images_list(const fs::path& root, const Half& half) {
  return root / format(half.name, "_image_paths.csv");
}
fs::path studies_list(const fs::path& root, const Half& half) {
  return root / format(half.name, "_labeled_studies.csv");
}

// The parts of a path such as train/XR_WRIST/patient00006/study1_positive.
struct StudyPath {
  std::string folder;  // relative to the root
  std::string part, patient;
  std::string study;  // XR_WRIST/patient00006/study1_positive
  std::string label;  // what follows the last underscore of the study's folder; may be empty

  // The class in the folder's name, empty if there is none.
  std::string class_name() const {
    return label == "positive" ? kAbnormal : label == "negative" ? kNormal : "";
  }
};

// The components of a path in a list, without the name of the data set's folder at the start and
// without a slash at the end.
std::vector<std::string> components(const std::string& text) {
  std::vector<std::string> names = split_text(text, '/');
  std::erase_if(names, [](const std::string& name) { return name.empty() || name == "."; });
  if (!names.empty() && names.front().starts_with("MURA-")) names.erase(names.begin());
  return names;
}

std::optional<StudyPath> parse_study(const std::vector<std::string>& names, const Half& half) {
  if (names.size() != 4 || names[0] != half.name || !names[1].starts_with("XR_") ||
      !names[2].starts_with("patient") || !names[3].starts_with("study"))
    return std::nullopt;
  StudyPath path;
  path.part = names[1];
  path.patient = names[2];
  path.study = names[1] + "/" + names[2] + "/" + names[3];
  path.folder = names[0] + "/" + path.study;
  if (const std::size_t underscore = names[3].rfind('_'); underscore != std::string::npos)
    path.label = names[3].substr(underscore + 1);
  return path;
}

struct LabelledStudy {
  StudyPath path;
  std::string class_name;
  std::string place;
  bool used = false;
};

// Reads one half of the data set, train or valid.
class HalfReader {
 public:
  HalfReader(const Half& half, ImageListing& listing) : half_(half), listing_(listing) {
    const fs::path file = studies_list(listing.root, half);
    has_labels_ = fs::exists(file);
    if (has_labels_) read_labels(file);
  }

  void read() {
    const fs::path images = images_list(listing_.root, half_);
    if (fs::exists(images))
      read_images(images);
    else if (has_labels_)
      for (const auto& [folder, study] : studies_) walk_study(study.path);
    else
      walk();
    for (const auto& [folder, study] : studies_)
      if (!study.used) listing_.warnings.push_back(study.place + folder + ": has no images");
  }

 private:
  // Only a header has no slash in its first field.
  static bool is_header(const CsvRow& row) {
    return row.fields.front().find('/') == std::string::npos;
  }

  static std::vector<CsvRow> rows_without_header(const fs::path& file, std::size_t columns) {
    std::vector<CsvRow> rows = read_csv(file);
    for (const CsvRow& row : rows)
      OSTEON_CHECK(row.fields.size() == columns, csv_place(file, row), row.fields.size(),
                   " fields instead of ", columns);
    if (!rows.empty() && is_header(rows.front())) rows.erase(rows.begin());
    return rows;
  }

  void read_labels(const fs::path& file) {
    for (const CsvRow& row : rows_without_header(file, 2)) {
      const std::string place = csv_place(file, row);
      const std::optional<StudyPath> path = parse_study(components(row.fields[0]), half_);
      OSTEON_CHECK(path, place, "\"", row.fields[0], "\" is not a study like ", half_.name,
                   "/XR_WRIST/patient00006/study1_positive/");
      const std::string& label = row.fields[1];
      OSTEON_CHECK(label == "0" || label == "1", place, "label \"", label,
                   "\" is neither 0 (normal) nor 1 (abnormal)");
      const std::string class_name = label == "1" ? kAbnormal : kNormal;
      if (!path->class_name().empty() && path->class_name() != class_name)
        listing_.warnings.push_back(
            format(place, path->folder, " is labelled ", label,
                   ", which contradicts its name; the list takes precedence"));
      OSTEON_CHECK(studies_.try_emplace(path->folder, *path, class_name, place, false).second,
                   place, path->folder, " is listed twice");
    }
  }

  void read_images(const fs::path& file) {
    for (const CsvRow& row : rows_without_header(file, 1)) {
      const std::string place = csv_place(file, row);
      std::vector<std::string> names = components(row.fields[0]);
      const std::string image = names.empty() ? "" : names.back();
      if (!names.empty()) names.pop_back();
      const std::optional<StudyPath> path = parse_study(names, half_);
      OSTEON_CHECK(path, place, "\"", row.fields[0], "\" is not an image like ", half_.name,
                   "/XR_WRIST/patient00006/study1_positive/image1.png");
      if (!is_hidden(image)) add(*path, image, place);
    }
  }

  void walk() {
    const fs::path top = listing_.root / half_.name;
    if (!fs::is_directory(top)) return;
    for (const std::string& part : list_subfolders(top))
      for (const std::string& patient : list_subfolders(top / part))
        for (const std::string& study : list_subfolders(top / part / patient)) {
          const std::optional<StudyPath> path =
              parse_study({half_.name, part, patient, study}, half_);
          if (path)
            walk_study(*path);
          else
            listing_.warnings.push_back(format((top / part / patient / study).string(),
                                               ": not a study of MURA by its name; left out"));
        }
  }

  void walk_study(const StudyPath& study) {
    const fs::path folder = listing_.root / study.folder;
    if (!fs::is_directory(folder)) return;
    for (const std::string& name : list_files(folder))
      if (is_image_file(folder / name)) add(study, name, "");
  }

  void add(const StudyPath& study, const std::string& image, const std::string& place) {
    const std::string path = study.folder + "/" + image;
    listing_.records.push_back(
        {path, class_of(study, place), study.study, study.patient, study.part, half_.split, place});
  }

  std::string class_of(const StudyPath& study, const std::string& place) {
    if (has_labels_) {
      const auto found = studies_.find(study.folder);
      OSTEON_CHECK(found != studies_.end(), place, study.folder, " has no label in ",
                   studies_list(listing_.root, half_).string());
      found->second.used = true;
      return found->second.class_name;
    }
    OSTEON_CHECK(!study.class_name().empty(), place, (listing_.root / study.folder).string(),
                 ": label \"", study.label, "\" is neither positive nor negative");
    return study.class_name();
  }

  const Half& half_;
  ImageListing& listing_;
  bool has_labels_ = false;
  std::map<std::string, LabelledStudy> studies_;  // by StudyPath::folder
};

bool is_mura_root(const fs::path& folder) {
  return std::ranges::any_of(kHalves, [&](const Half& half) {
    if (fs::exists(images_list(folder, half)) || fs::exists(studies_list(folder, half)))
      return true;
    if (!fs::is_directory(folder / half.name)) return false;
    return std::ranges::any_of(list_subfolders(folder / half.name),
                               [](const std::string& name) { return name.starts_with("XR_"); });
  });
}

// The folder that contains train and valid: `data` itself or a folder MURA-... in it; else empty.
fs::path mura_root(const fs::path& data) {
  if (is_mura_root(data)) return data;
  for (const std::string& name : list_subfolders(data))
    if (name.starts_with("MURA-") && is_mura_root(data / name)) return data / name;
  return {};
}

}  // namespace

bool is_mura(const fs::path& data) { return !mura_root(data).empty(); }

ImageListing read_mura(const fs::path& data, const ListColumns& columns) {
  check_no_columns(columns, "mura");
  ImageListing listing;
  listing.root = mura_root(data);
  OSTEON_CHECK(!listing.root.empty(), data.string(),
               ": is not MURA: it contains neither train/XR_* "
               "or valid/XR_* folders nor their CSV lists, and no MURA-v1.1 folder that does");
  listing.classes = {kNormal, kAbnormal};
  listing.val_share_of_train = kValShareOfTrain;
  for (const Half& half : kHalves) HalfReader(half, listing).read();
  return listing;
}

}  // namespace osteon
