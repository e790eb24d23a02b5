// What became of each file of `predict`, in the order of the files, when several processes predict
// them.
#pragma once

#include <cstddef>
#include <map>
#include <string>
#include <vector>

namespace osteon {

struct FileOutcome {
  std::size_t number = 0;            // of the file in the list
  std::vector<double> prediction{};  // empty: there is none
  std::string failure{}, warning{};  // why there is none; a fault that does not prevent one
  std::string heat_map{};            // the file of the overlay; empty: none
};

class FileOutcomes {
 public:
  // All processes of world() call it equally often, each with outcomes of its own. Returns those
  // of all processes that are next in the order of the files; others wait for later calls.
  std::vector<FileOutcome> exchange(std::vector<FileOutcome> mine);

 private:
  std::map<std::size_t, FileOutcome> waiting_;
  std::size_t next_ = 0;
};

}  // namespace osteon
