// Comparison of tensors with golden values: another framework computed them in float64, and a
// script in scripts/golden/ wrote them. A large tensor is stored as sampled elements and weighted
// sums of all elements, so that the files stay small and every wrong element is detected.
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

  // A text that the script stored under this name; empty if there is none.
  std::string text(const std::string& name) const;
  // The value of a scalar entry, for example a parameter of the golden values' computation.
  double number(const std::string& entry);
  // Returns the empty string if the shapes are equal and every element (or sum) differs by at most
  // `tolerance` times the largest entry (or times `floor`, if that is larger); otherwise a sentence
  // about the difference. A missing entry counts as a difference.
  std::string difference(const std::string& entry, const Tensor& tensor, double tolerance,
                         double floor);
  // Entries that were never compared.
  std::set<std::string> unused() const;

 private:
  struct Entry {
    Shape shape;                  // of the whole tensor
    std::vector<double> numbers;  // all elements, or the summary of a large tensor
  };
  std::string name_;
  std::map<std::string, Entry> entries_;
  std::map<std::string, std::string> texts_;
  std::set<std::string> used_;
};

}  // namespace osteon
