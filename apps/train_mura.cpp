// train_mura: trains a classifier of radiographs and evaluates it.
#include <iostream>

#include "apps/app.h"
#include "comm/process_group.h"
#include "eval/machine.h"
#include "train/option_table.h"
#include "train/run/resume.h"
#include "train/trainer.h"

namespace osteon {
namespace {

// The names of the options that a resumed run may change.
std::string changeable(TrainOptions& options, OnResume rule) {
  std::string names;
  for_each_option(options, [&](const OptionInfo& info, const auto&, const auto&) {
    if (info.on_resume == rule) names += (names.empty() ? "--" : ", --") + std::string(info.name);
  });
  return names;
}

void add_options(CLI::App& app, TrainOptions& options) {
  for_each_option(options, [&](const OptionInfo& info, auto& value, const auto& check) {
    add_option(app, info, value, check);
  });
  app.get_option("--arch")->description(
      "architecture; below, each with its parameters (1,000 classes) and its multiply-adds for an "
      "image of 224 pixels:\n" +
      model_table());
  app.get_option("--resume")
      ->description(
          format("continue the run in --out with its own options; these may change: ",
                 changeable(options, OnResume::may_change), ", ",
                 changeable(options, OnResume::unless_cosine),
                 " (not with cosine), and, if the weights need not be equal bit for bit, ",
                 changeable(options, OnResume::changes_bits)));
  // A recipe changes defaults, so it is applied while parsing, before the options that follow it
  // are stored: CLI11 stores in the order of declaration, hence the early callback.
  app.add_option_function<std::string>(
         "--recipe", [&](const std::string& name) { apply_recipe(name, options); },
         "mura-paper: the settings of the MURA paper; finetune: settings for initial weights and "
         "few images; other options override them")
      ->trigger_on_parse()
      ->group(name_of(OptionGroup::training));
}

}  // namespace
}  // namespace osteon

int main(int argc, char** argv) {
  using namespace osteon;
  CLI::App app("Trains a classifier of bone radiographs, normal or abnormal, and evaluates it",
               "train_mura");
  app.option_defaults()->always_capture_default();
  TrainOptions options;
  add_options(app, options);
  return run_app(
      app, argc, argv,
      [&] {
        if (options.resume) {  // options that are not on the command line keep the run's values
          options = options_of_run(options.out);
          app.parse(argc, argv);
        }
        check_options(options);  // before any note about the machine
        const Device device = configure_process(options, options.quiet);
        Trainer trainer(options, device);
        trainer.train();
        const std::unique_ptr<TaskResult> result = trainer.evaluate_best();
        if (!world().is_first()) return;
        result->print(std::cout);
        std::cout << "\nresults in " << options.out.string() << "\n";
      },
      Processes::several);
}
