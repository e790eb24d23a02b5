// Groups images that must not be separated, and distributes the groups.
#include "data/folds.h"

#include <algorithm>
#include <map>
#include <string>
#include <tuple>

#include "base/error.h"
#include "data/split.h"

namespace osteon {
namespace {

// Images that stay together.
struct Group {
  std::string name;  // the first of its patients' names
  std::vector<std::int64_t> samples;
  std::vector<double> of_class;  // number of images
};

// Disjoint sets of patients: each names another one of its set, the first names itself.
class PatientSets {
 public:
  const std::string& first_of(const std::string& patient) {
    std::string& next = next_.try_emplace(patient, patient).first->second;
    if (next != patient) next = first_of(next);
    return next;
  }
  void join(const std::string& a, const std::string& b) {
    const std::string first = first_of(a), second = first_of(b);
    next_[std::max(first, second)] = std::min(first, second);
  }

 private:
  std::map<std::string, std::string> next_;
};

std::vector<Group> group_samples(const Manifest& manifest, const std::vector<Duplicates>& same) {
  const auto sample = [&](std::int64_t i) -> const Sample& {
    return manifest.samples[static_cast<std::size_t>(i)];
  };
  PatientSets sets;
  for (const Duplicates& duplicates : same)
    for (const std::int64_t i : duplicates.samples)
      sets.join(sample(duplicates.samples.front()).patient, sample(i).patient);
  // Images of no class, without a label that is 1 or with a number, are distributed by their
  // number.
  const bool has_uncounted = manifest.task == "multilabel" || manifest.task == "regression";
  std::map<std::string, Group> groups;
  for (std::int64_t i = 0; i < std::ssize(manifest.samples); ++i) {
    Group& group = groups[sets.first_of(sample(i).patient)];
    group.samples.push_back(i);
    group.of_class.resize(manifest.classes.size() + (has_uncounted ? 1 : 0));
    for (const std::size_t k : counted_classes(manifest, sample(i))) ++group.of_class[k];
    if (has_uncounted) ++group.of_class.back();
  }
  std::vector<Group> list;
  for (auto& [name, group] : groups) {
    group.name = name;
    list.push_back(std::move(group));
  }
  return list;
}

// The largest first, equal ones in an order that depends on their names and the seed only.
void sort_groups(std::vector<Group>& groups, std::uint64_t seed) {
  std::ranges::sort(groups, {}, [seed](const Group& group) {
    return std::tuple(-std::ssize(group.samples), split_draw(seed, group.name), group.name);
  });
}

// The bin of each group, so that each bin has about its share of every class.
std::vector<std::size_t> distribute(const std::vector<const Group*>& groups,
                                    const std::vector<double>& shares) {
  const std::size_t classes = groups.empty() ? 0 : groups.front()->of_class.size();
  std::vector<double> total(classes);
  for (const Group* group : groups)
    for (std::size_t k = 0; k < classes; ++k) total[k] += group->of_class[k];
  std::vector<std::vector<double>> counts(shares.size(), std::vector<double>(classes));
  // How much the squared excess over the shares grows if the group goes to the bin.
  const auto growth = [&](const Group& group, std::size_t bin) {
    double sum = 0;
    for (std::size_t k = 0; k < classes; ++k) {
      if (total[k] == 0) continue;
      const double excess = counts[bin][k] / total[k] - shares[bin];
      const double more = group.of_class[k] / total[k];
      sum += (excess + more) * (excess + more) - excess * excess;
    }
    return sum;
  };
  std::vector<std::size_t> bins;
  for (const Group* group : groups) {
    std::vector<double> costs;
    for (std::size_t bin = 0; bin < shares.size(); ++bin) costs.push_back(growth(*group, bin));
    const auto best = static_cast<std::size_t>(std::ranges::min_element(costs) - costs.begin());
    for (std::size_t k = 0; k < classes; ++k) counts[best][k] += group->of_class[k];
    bins.push_back(best);
  }
  return bins;
}

}  // namespace

void check_folds(const FoldOptions& options) {
  constexpr std::int64_t kMost = 100;
  if (options.folds != 0 && (options.folds < 2 || options.folds > kMost))
    throw UsageError(format("--folds ", options.folds, ": expected 2 to ", kMost,
                            ", or 0 for the splits of the data set"));
  if (options.fold != 0 && options.folds == 0)
    throw UsageError(format("--fold ", options.fold, " needs --folds, the number of folds"));
  if (options.fold < 0 || (options.folds > 0 && options.fold >= options.folds))
    throw UsageError(format("--fold ", options.fold, ": with --folds ", options.folds,
                            " expected 0 to ", options.folds - 1));
}

void assign_folds(Manifest& manifest, const FoldOptions& options, double val_fraction,
                  std::uint64_t seed, const std::vector<Duplicates>& same) {
  const double val_share = val_fraction < 0 ? kValShare : val_fraction;
  std::vector<Group> groups = group_samples(manifest, same);
  OSTEON_CHECK(std::ssize(groups) >= options.folds, manifest.source.string(), ": ", groups.size(),
               " patients cannot be divided into ", options.folds, " folds");
  sort_groups(groups, seed);
  std::vector<const Group*> all, others;
  for (const Group& group : groups) all.push_back(&group);
  const auto folds = static_cast<std::size_t>(options.folds);
  const std::vector<std::size_t> bins =
      distribute(all, std::vector<double>(folds, 1 / static_cast<double>(folds)));
  const auto set_split = [&](const Group& group, Split split) {
    for (const std::int64_t i : group.samples)
      manifest.samples[static_cast<std::size_t>(i)].split = split;
  };
  for (std::size_t i = 0; i < all.size(); ++i)
    if (bins[i] == static_cast<std::size_t>(options.fold))
      set_split(*all[i], Split::test);
    else
      others.push_back(all[i]);
  const std::vector<std::size_t> is_val = distribute(others, {1 - val_share, val_share});
  for (std::size_t i = 0; i < others.size(); ++i)
    set_split(*others[i], is_val[i] == 1 ? Split::val : Split::train);
}

void draw_folds(Manifest& manifest, const FoldOptions& options, double val_fraction,
                std::uint64_t seed, int workers, Progress& progress) {
  if (options.folds == 0) return;
  if (manifest.has_own_splits)
    throw UsageError(format("--folds: ", manifest.source.string(),
                            " defines its own splits, or --split-by does; leave the option out"));
  const std::size_t images = manifest.samples.size();
  DataAudit audit = audit_data(manifest, workers, [&](std::int64_t done) {
    progress.update(format("looking for images that show the same  ", done, "/", images));
  });
  std::vector<Duplicates> same = std::move(audit.exact);
  same.insert(same.end(), audit.near.begin(), audit.near.end());
  assign_folds(manifest, options, val_fraction, seed, same);
  std::int64_t test = 0;
  for (const Sample& sample : manifest.samples) test += sample.split == Split::test;
  progress.line(format("fold ", options.fold, " of ", options.folds, " (0 to ", options.folds - 1,
                       ") is the test split: ", test, " of ", images, " images; ", same.size(),
                       " groups of images show the same and stay together"));
}

}  // namespace osteon
