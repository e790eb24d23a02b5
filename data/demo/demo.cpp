// Plans the demo studies and writes them in MURA's layout.
#include "data/demo/demo.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <cmath>
#include <exception>
#include <iomanip>
#include <mutex>
#include <sstream>
#include <system_error>
#include <thread>

#include "base/error.h"
#include "base/file.h"
#include "base/random.h"
#include "data/demo/anatomy.h"

namespace osteon {
namespace {

namespace fs = std::filesystem;
using demo::Abnormality;

constexpr double kValidShare = 0.2, kPositiveShare = 0.48;

// The frequency of each kind among the abnormal studies. Hardware is rarer than the rest: it is
// bright, and jewellery on normal studies must balance its share of the histogram.
constexpr std::array kKinds = {Abnormality::fracture, Abnormality::displaced, Abnormality::lytic,
                               Abnormality::fracture, Abnormality::displaced, Abnormality::lytic,
                               Abnormality::hardware};

std::int64_t part_count() { return static_cast<std::int64_t>(demo::demo_parts().size()); }

void check_options(const DemoOptions& options) {
  const std::int64_t least = 4 * part_count();
  OSTEON_CHECK(options.studies >= least && options.studies <= 50'000, "demo: ", options.studies,
               " studies asked for; the number must be between ", least,
               " (both labels in both splits of every part) and 50000");
  OSTEON_CHECK(options.image_size >= 64 && options.image_size <= 2048, "demo: image size ",
               options.image_size, " asked for; it must be between 64 and 2048 pixels");
}

// The studies of one part and split, in random order: about half of them abnormal, with the
// frequencies of kKinds.
std::vector<DemoStudy> plan_group(Split split, std::string_view part, std::int64_t count,
                                  RandomStream& random) {
  const auto positives = std::clamp<std::int64_t>(
      std::llround(kPositiveShare * static_cast<double>(count)), 1, count - 1);
  const std::uint64_t first_kind = random.below(kKinds.size());
  std::vector<DemoStudy> group;
  for (const std::int64_t place : permutation(count, random)) {
    DemoStudy study;
    study.split = split;
    study.part = part;
    if (place < positives)
      study.abnormality = kKinds[(first_kind + static_cast<std::uint64_t>(place)) % kKinds.size()];
    const double views = random.uniform();
    study.views = views < 0.3 ? 1 : views < 0.7 ? 2 : views < 0.9 ? 3 : 4;
    group.push_back(study);
  }
  return group;
}

// Gives each patient one to three consecutive studies of one part. Patient numbers start at `first`
// and have a random order. Returns the number of patients.
std::int64_t assign_patients(std::vector<DemoStudy>& studies, std::int64_t first,
                             RandomStream& random) {
  std::int64_t patients = 0;
  for (std::size_t i = 0; i < studies.size(); ++patients) {
    const double draw = random.uniform();
    const std::int64_t visits = draw < 0.75 ? 1 : draw < 0.95 ? 2 : 3;
    const std::string part = studies[i].part;
    for (std::int64_t k = 1; k <= visits && i < studies.size() && studies[i].part == part;
         ++k, ++i) {
      studies[i].patient = patients;
      studies[i].number = k;
    }
  }
  const std::vector<std::int64_t> order = permutation(patients, random);
  for (DemoStudy& study : studies)
    study.patient = first + order[static_cast<std::size_t>(study.patient)];
  return patients;
}

std::string image_name(std::size_t view) { return format("image", view + 1, ".png"); }

// Draws and writes every study on all cores. The first error stops the others and is thrown.
std::vector<std::vector<PixelBox>> write_images(const fs::path& root,
                                                const std::vector<DemoStudy>& studies,
                                                const DemoOptions& options) {
  std::vector<std::vector<PixelBox>> boxes(studies.size());
  std::atomic<std::size_t> next = 0;
  std::mutex mutex;
  std::exception_ptr failure;
  const auto work = [&] {
    try {
      for (std::size_t i; (i = next++) < studies.size();) {
        const fs::path folder = root / studies[i].folder();
        fs::create_directories(folder);
        const std::vector<DemoView> views = draw_demo_study(studies[i], options);
        for (std::size_t v = 0; v < views.size(); ++v) {
          write_png(folder / image_name(v), views[v].image);
          boxes[i].push_back(views[v].lesion);
        }
      }
    } catch (...) {
      next = studies.size();
      const std::lock_guard lock(mutex);
      if (!failure) failure = std::current_exception();
    }
  };
  {
    std::vector<std::jthread> threads;
    const unsigned cores = std::max(1U, std::thread::hardware_concurrency());
    for (unsigned i = 0; i < cores; ++i) threads.emplace_back(work);
  }
  if (failure) std::rethrow_exception(failure);
  return boxes;
}

// MURA's two lists of a split: every image, and every study with its label.
void write_lists(const fs::path& folder, const std::vector<DemoStudy>& studies, Split split,
                 const std::string& name) {
  std::ostringstream images, labels;
  for (const DemoStudy& study : studies) {
    if (study.split != split) continue;
    const std::string path = study.folder().generic_string();
    labels << path << "/," << (study.positive() ? 1 : 0) << '\n';
    for (std::int64_t v = 0; v < study.views; ++v)
      images << path << '/' << image_name(static_cast<std::size_t>(v)) << '\n';
  }
  write_file_atomically(folder / (name + "_image_paths.csv"), images.str());
  write_file_atomically(folder / (name + "_labeled_studies.csv"), labels.str());
}

std::string lesion_table(const std::vector<DemoStudy>& studies,
                         const std::vector<std::vector<PixelBox>>& boxes) {
  std::ostringstream table;
  table << "path,kind,x0,y0,x1,y1\n";
  for (std::size_t i = 0; i < studies.size(); ++i) {
    if (!studies[i].positive()) continue;
    for (std::size_t v = 0; v < boxes[i].size(); ++v) {
      const PixelBox& box = boxes[i][v];
      table << studies[i].folder().generic_string() << '/' << image_name(v) << ','
            << demo::abnormality_name(studies[i].abnormality) << ',' << box.x0 << ',' << box.y0
            << ',' << box.x1 << ',' << box.y1 << '\n';
    }
  }
  return table.str();
}

void check_target(const fs::path& out) {
  OSTEON_CHECK(!fs::exists(out) || fs::is_directory(out), "demo: ", out.string(),
               " is not a folder; choose another --out");
  OSTEON_CHECK(!fs::exists(out) || fs::is_empty(out), "demo: folder ", out.string(),
               " is not empty; choose a new one or empty it first");
}

}  // namespace

fs::path DemoStudy::folder() const {
  std::ostringstream name;
  name << "MURA-v1.1/" << (split == Split::train ? "train/" : "valid/") << part << "/patient"
       << std::setw(5) << std::setfill('0') << patient << "/study" << number
       << (positive() ? "_positive" : "_negative");
  return name.str();
}

std::vector<DemoStudy> plan_demo(const DemoOptions& options) {
  check_options(options);
  RandomStream random(options.seed, hash_name("demo plan"));
  std::vector<DemoStudy> train, valid;
  for (std::int64_t p = 0; p < part_count(); ++p) {
    const std::int64_t count =
        options.studies / part_count() + (p < options.studies % part_count() ? 1 : 0);
    const std::int64_t held_out =
        std::max<std::int64_t>(2, std::llround(kValidShare * static_cast<double>(count)));
    const std::string_view part = demo::demo_parts()[static_cast<std::size_t>(p)];
    for (DemoStudy& study : plan_group(Split::train, part, count - held_out, random))
      train.push_back(std::move(study));
    for (DemoStudy& study : plan_group(Split::test, part, held_out, random))
      valid.push_back(std::move(study));
  }
  const std::int64_t train_patients = assign_patients(train, 1, random);
  assign_patients(valid, 1 + train_patients, random);
  train.insert(train.end(), valid.begin(), valid.end());
  for (std::size_t i = 0; i < train.size(); ++i) train[i].index = static_cast<std::int64_t>(i);
  return train;
}

std::int64_t write_demo(const fs::path& out, const DemoOptions& options) {
  const std::vector<DemoStudy> studies = plan_demo(options);
  check_target(out);
  const bool created = fs::create_directories(out);
  const fs::path partial = out / "partial";
  try {
    const auto boxes = write_images(partial, studies, options);
    const fs::path folder = partial / "MURA-v1.1";
    write_lists(folder, studies, Split::train, "train");
    write_lists(folder, studies, Split::test, "valid");
    write_file_atomically(partial / "lesions.csv", lesion_table(studies, boxes));
    for (const char* name : {"lesions.csv", "MURA-v1.1"}) fs::rename(partial / name, out / name);
    fs::remove(partial);
  } catch (...) {
    std::error_code ignored;
    fs::remove_all(partial, ignored);
    if (created) fs::remove_all(out, ignored);
    throw;
  }
  std::int64_t images = 0;
  for (const DemoStudy& study : studies) images += study.views;
  return images;
}

}  // namespace osteon
