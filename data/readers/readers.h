// The readers of single layouts of data sets. manifest.cpp calls them. Each lists the images of its
// layout; the steps that all layouts share (classes, splits, checks) are in manifest.cpp.
#pragma once

#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/csv_table.h"
#include "data/manifest.h"

namespace osteon {

struct ImageRecord {
  std::string path;        // relative to ImageListing::root, or absolute
  std::string class_name;  // or the field of ListColumns::one
  // An image without a study is a study of its own, one without a patient a patient of its own.
  std::string study, patient, part;
  std::optional<Split> split;  // as the data set defines it; nullopt: read_manifest draws it
  std::string place;           // "file:line: " of its line in a list; empty: found in a folder
  std::string name{};          // set by read_manifest
  std::vector<std::string> cells{};  // of ListColumns::many
  std::string group{};               // of ListColumns::split_by
};

struct ImageListing {
  std::filesystem::path root;
  std::vector<std::string> classes;  // {negative, positive} or others if the layout defines them
  std::string number{};              // the name of the label if it is a number and no class
  std::vector<ImageRecord> records;  // in any order
  std::vector<std::string> warnings;
  bool has_free_paths = false;  // the same file may have several spellings of its path, as in lists
  // If the layout has splits but no val: the default share of the train patients that become val.
  double val_share_of_train = 0;
};

// The columns of a list that the options name.
struct ListColumns : LabelColumns {
  std::string split_by{};
};

// Whether a folder has the layout.
bool is_mura(const std::filesystem::path& data);
bool is_fracatlas(const std::filesystem::path& data);
bool is_grazped(const std::filesystem::path& data);
bool is_btxrd(const std::filesystem::path& data);
bool is_boneage(const std::filesystem::path& data);

// One function per layout; manifest.h describes the layouts. They throw Error as read_manifest
// does, and UsageError for columns that the layout does not have.
ImageListing read_mura(const std::filesystem::path& data, const ListColumns& columns);
ImageListing read_fracatlas(const std::filesystem::path& data, const ListColumns& columns);
ImageListing read_grazped(const std::filesystem::path& data, const ListColumns& columns);
ImageListing read_btxrd(const std::filesystem::path& data, const ListColumns& columns);
ImageListing read_boneage(const std::filesystem::path& data, const ListColumns& columns);
ImageListing read_folder(const std::filesystem::path& data, const ListColumns& columns);
ImageListing read_csv_list(const std::filesystem::path& file, const ListColumns& columns);

// The classes of FracAtlas. GRAZPEDWRI-DX has the same ones, so that the two can be joined.
inline constexpr const char* kFractured = "Fractured";
inline constexpr const char* kNonFractured = "Non_fractured";

// --- lists with a row per image (rows.cpp) -------------------------------------------------------

// Throws UsageError if columns are named although the layout has no list with labels.
void check_no_columns(const ListColumns& columns, const char* dataset);

// The fields of a row in the columns that ListColumns names.
struct LabelFields {
  std::string one;
  std::vector<std::string> many;
  std::string group;
};
// Throws Error listing the table's columns if one is missing (UsageError for `columns.split_by`),
// and naming the row if the field of `columns.one` or `columns.split_by` is empty.
LabelFields label_fields(const CsvTable& table, const CsvRow& row, const ListColumns& columns);
// A record with these fields and the row's place; the reader adds where the image comes from.
ImageRecord labelled_record(const CsvTable& table, const CsvRow& row, LabelFields labels);

// Throws Error listing the wanted columns and those of the table if one is missing.
void check_columns(const CsvTable& table, const std::vector<std::string>& wanted);

// Whether a field is 1; also 1.0, as programs write columns with gaps. Throws Error naming the row
// and the column unless it is 0 or 1.
bool flag(const CsvTable& table, const CsvRow& row, const std::string& column);

// The body part: the column whose flag is set, in upper case; MIXED if there are several, empty if
// there is none.
std::string part_of(const CsvTable& table, const CsvRow& row,
                    const std::vector<std::string>& columns);

// The files of a data set whose list names them: each row takes its own.
class ListedFiles {
 public:
  // Lists these folders below the root. Throws Error for a name that is in two of them.
  ListedFiles(const std::filesystem::path& root, const std::vector<std::string>& folders);

  // The path of a row's file, relative to the root. A missing one is in the first folder, so that
  // the image counts as unreadable.
  std::string take(const std::string& name);
  // A warning about the files that no row has taken, if there are any.
  std::vector<std::string> warnings(const std::string& list) const;

 private:
  struct File {
    std::string folder;
    bool is_taken = false;
  };
  std::string first_folder_;
  std::map<std::string, File> files_;  // by name
};

// --- listing folders ----------------------------------------------------------------------------

// The names of the subfolders, or of all other entries, of a folder, sorted and without hidden
// ones. Throws std::filesystem::filesystem_error for an unreadable folder.
std::vector<std::string> list_subfolders(const std::filesystem::path& folder);
std::vector<std::string> list_files(const std::filesystem::path& folder);

// Whether a name is hidden: dot-files (MURA contains `._image1.png`) and the __MACOSX folder of
// some archives.
bool is_hidden(std::string_view name);
// Whether a file is an image: its name has an ending of PNG, JPEG or DICOM (in lower or upper
// case), or its first bytes are those of such a file, because DICOM files can have any name
// (1.2.840.1, I0001, a.IMA).
bool is_image_file(const std::filesystem::path& path);

}  // namespace osteon
