// audit_data: counts, sizes, unreadable and duplicate images of a data set.
#include <iostream>

#include "apps/app.h"
#include "base/json.h"
#include "base/output_path.h"
#include "base/progress.h"
#include "data/audit_results.h"
#include "data/data_options.h"
#include "data/data_sets.h"

int main(int argc, char** argv) {
  CLI::App app("Audits a data set: counts, sizes, unreadable files, duplicates", "audit_data");
  app.option_defaults()->always_capture_default();
  std::vector<std::string> data;
  std::filesystem::path json;
  osteon::ManifestOptions options;
  int workers = 2;
  bool quiet = false;
  app.add_option("--data", data, osteon::kDataOption.help)->required()->allow_extra_args(false);
  app.add_option("--json", json, "write all results to this file, for eval_mura --audit");
  app.add_option("--dataset", options.dataset,
                 osteon::help_of(osteon::kDatasetOption, osteon::kDatasets));
  app.add_option("--positive", options.positive, osteon::kPositiveOption.help);
  app.add_option("--task", options.task, "as for train_mura");
  app.add_option("--labels", options.columns.many, osteon::kLabelsOption.help)->delimiter(',');
  app.add_option("--label-column", options.columns.one, osteon::kLabelColumnOption.help);
  app.add_option("--max-grade", options.max_grade, osteon::kMaxGradeOption.help);
  app.add_option("--parts", options.parts, osteon::kPartsOption.help)->delimiter(',');
  app.add_option("--split-seed", options.seed, "as for train_mura");
  app.add_option("--split-by", options.split_by, osteon::kSplitByOption.help);
  app.add_option("--val-fraction", options.val_fraction, "as for train_mura");
  app.add_option("--workers", workers, "threads that read images")->check(CLI::PositiveNumber);
  app.add_flag("--quiet", quiet, "print only the result and warnings");
  return osteon::run_app(app, argc, argv, [&] {
    if (!json.empty()) osteon::check_can_write_file("json", json);
    osteon::Progress progress(quiet);
    const osteon::Manifest manifest = osteon::read_manifests(osteon::DataSets(data), options);
    for (const std::string& warning : manifest.warnings) progress.line("warning: " + warning);
    const osteon::DataAudit audit = osteon::audit_data(manifest, workers, [&](std::int64_t done) {
      progress.update(osteon::format("reading images  ", done, "/", manifest.samples.size()));
    });
    const auto result = osteon::audit_json(manifest, audit);
    if (!json.empty()) osteon::write_json(json, result);
    osteon::print_audit(std::cout, result);
  });
}
