// Comparing tensors with golden ones: what another framework computed in float64 and a script in
// scripts/ wrote. A large tensor is kept as sampled elements and weighted sums over all of it, so
// that the files stay small while no element can be wrong unseen.
#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "tensor/tensor.h"

namespace osteon {

class GoldenFile {
 public:
  // tests/golden/<name>.
  explicit GoldenFile(const std::string& name);

  // The one number of an entry that says how the golden values were made.
  double number(const std::string& entry);
  // How `tensor` differs from the entry: empty if the shapes are equal and no element (or sum) is
  // further away than `tolerance` times the largest entry, `floor` standing in for a smaller one;
  // a sentence otherwise. An entry that does not exist is a difference.
  std::string difference(const std::string& entry, const Tensor& tensor, double tolerance,
                         double floor);
  // Entries that nobody asked for.
  std::set<std::string> unused() const;

 private:
  struct Entry {
    Shape shape;                  // of the tensor, not of what is kept of it
    std::vector<double> numbers;  // all elements, or the summary of a large tensor
  };
  std::map<std::string, Entry> entries_;
  std::set<std::string> used_;
};

}  // namespace osteon
