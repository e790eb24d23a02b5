// The sections of the report, in the order a reader asks: what came out, what was run, where it is
// good and where not, how sure it is, and the images themselves.
#include "eval/report/report.h"

#include <algorithm>
#include <cmath>
#include <fstream>

#include "base/error.h"
#include "base/json.h"
#include "base/progress.h"
#include "eval/report/chart.h"
#include "eval/report/sections.h"
#include "eval/report/style.h"

namespace osteon {
namespace report {
namespace {

std::string opening(const Report& report) {
  const Metrics& study = report.evaluation.overall.study;
  std::string text = format("Of ", study.n, " studies, ", study.positives, " are ",
                            escape(report.classes[1]), ". ");
  if (study.auroc && study.kappa)
    text +=
        format("The model ranks ", escape(report.classes[1]), " above ", escape(report.classes[0]),
               " studies with an AUROC of ", with_interval(study, &Metrics::auroc),
               ", and its decisions agree with the labels with a Cohen\u2019s kappa of ",
               with_interval(study, &Metrics::kappa), ".");
  else
    text += "With studies of one class only, AUROC and Cohen\u2019s kappa are undefined.";
  return text;
}

std::string tiles(const Metrics& study) {
  struct Tile {
    const char* name;
    std::optional<double> Metrics::*figure;
  };
  std::string html = "<dl class=\"tiles\">";
  for (const auto& [name, figure] :
       {Tile{"AUROC", &Metrics::auroc}, Tile{"Cohen\u2019s kappa", &Metrics::kappa},
        Tile{"Sensitivity (recall)", &Metrics::recall}, Tile{"Specificity", &Metrics::specificity}})
    html += format("<div><dt>", name, "</dt><dd>", figure_text(study.*figure), "<small>",
                   interval_sentence(study, figure), "</small></dd></div>");
  return html + "</dl>";
}

std::string facts_section(const Report& report) {
  std::string html = "<h2>What was run</h2><dl class=\"facts\">";
  for (const auto& [name, value] : report.facts)
    html += format("<dt>", escape(name), "</dt><dd>", escape(value), "</dd>");
  html += "</dl>";
  if (!report.splits.is_object()) return html;
  Table table("The data by split. No patient is in two splits.",
              {"Split", "Images", "Labelled " + report.classes[1], "Studies", "Patients"});
  for (const auto& [name, counts] : report.splits.items()) {
    std::vector<std::string> cells;
    for (const char* count : {"images", "abnormal", "studies", "patients"})
      cells.push_back(std::to_string(counts.value(count, std::int64_t{0})));
    table.row(name, cells);
  }
  return html + table.html();
}

std::string learning_section(const Report& report) {
  if (report.epochs.size() < 2) return "";
  double highest = 0;
  Points train, val, auroc;
  for (const EpochRecord& record : report.epochs) {
    const auto epoch = static_cast<double>(record.epoch);
    highest = std::max({highest, record.train_loss, record.val_loss});
    train.emplace_back(epoch, record.train_loss);
    val.emplace_back(epoch, record.val_loss);
    if (record.auroc) auroc.emplace_back(epoch, *record.auroc);
  }
  Axis epochs =
      axis_up_to(static_cast<double>(report.epochs.back().epoch), "Epoch", /*whole=*/true);
  Chart losses("Loss over the epochs", "Training and validation loss after each epoch.", epochs,
               axis_up_to(highest, "Loss"));
  losses.line(train, "image");
  losses.line(val, "study");
  Chart ranking("Validation AUROC over the epochs", "AUROC on the validation images by epoch.",
                epochs, unit_axis("AUROC of validation images"));
  ranking.line({{0, 0.5}, {epochs.high, 0.5}}, "ghost");
  ranking.line(auroc, "study");
  return "<h2>Learning curves</h2><div class=\"pair\"><figure>" + losses.svg() +
         "<figcaption><div class=\"legend\">" + legend_entry("line image", "training") +
         legend_entry("line study", "validation") +
         "</div>The training loss is weighted by class and measured while the weights still change."
         "</figcaption></figure><figure>" +
         ranking.svg() + "<figcaption><div class=\"legend\">" +
         legend_entry("line study", "validation") + legend_entry("line ghost", "chance") +
         "</div>The epoch with the highest AUROC is the one kept.</figcaption></figure></div>";
}

std::string base64(const std::string& bytes) {
  constexpr const char* kDigits =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string text;
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    const std::size_t count = std::min<std::size_t>(3, bytes.size() - i);
    std::uint32_t group = 0;
    for (std::size_t k = 0; k < 3; ++k)
      group = group << 8 | (k < count ? static_cast<std::uint8_t>(bytes[i + k]) : 0U);
    for (std::size_t k = 0; k < 4; ++k)
      text += k <= count ? kDigits[group >> (18 - 6 * k) & 63] : '=';
  }
  return text;
}

std::string picture(const std::string& jpeg, const std::string& alt) {
  return format("<img src=\"data:image/jpeg;base64,", base64(jpeg), "\" alt=\"", escape(alt),
                "\">");
}

std::string gallery(const Report& report, const std::vector<ReportImage>& images) {
  std::string html = "<div class=\"gallery\">";
  for (const auto& [prediction, radiograph, heat_map] : images) {
    const std::string& truth = report.classes[static_cast<std::size_t>(prediction.label)];
    const bool positive = prediction.probability >= report.evaluation.threshold;
    const std::string& said = report.classes[positive ? 1 : 0];
    const bool right = positive == (prediction.label == 1);
    const std::string what = prediction.part.empty() ? "Radiograph" : prediction.part;
    html += format(
        "<figure><div class=\"views\">", picture(radiograph, format(what, ", labelled ", truth)),
        picture(heat_map,
                format("The same with the heat map: what speaks for ", report.classes[1])),
        "</div><figcaption><b>", escape(what), "</b>: labelled <b>", escape(truth),
        "</b>, called <b class=\"", right ? "right" : "wrong", "\">", escape(said),
        "</b>, probability ", number(prediction.probability, 3), "<br>",
        escape_path(prediction.path), "</figcaption></figure>");
  }
  return html + "</div>";
}

std::string images_section(const Report& report) {
  std::string html;
  const std::string explanation =
      format("Left the radiograph, right the same with its heat map (Grad-CAM of ",
             escape(report.heat_layer), "): orange to yellow where the image speaks for ",
             escape(report.classes[1]),
             ", each map scaled to its own maximum. A heat map shows what the "
             "network looked at; it does not outline a lesion.");
  if (!report.mistakes.empty())
    html += format("<h2>The most confident mistakes</h2><p class=\"note\">", explanation, "</p>",
                   gallery(report, report.mistakes));
  if (!report.hits.empty())
    html += format(
        "<h2>A sample of correct decisions</h2><p class=\"note\">Drawn at random, half of "
        "each class where there are enough. ",
        report.mistakes.empty() ? explanation : std::string(), "</p>",
        gallery(report, report.hits));
  return html;
}

std::string method_section(const Report& report) {
  return format(
      "<h2>How to read the figures</h2><p>A study is one examination of one body part; its "
      "probability is the mean of its images\u2019. A study or image is called ",
      escape(report.classes[1]), " from a probability of ", number(report.evaluation.threshold, 3),
      " on. ",
      report.draws > 0
          ? format(
                "Intervals are the 2.5 and 97.5 percentiles of ", report.draws,
                " bootstrap draws of patients, so that images of one patient stay together. They "
                "cover the choice of test patients only, not that of training data or seed. ")
          : std::string(),
      "AUROC counts ties as one half; average precision is not interpolated; the expected "
      "calibration error, which resampling would only make look larger, has no interval and ",
      kCalibrationBins,
      " equal bins. A dash marks a figure that is undefined, as where there is one class only.</p>"
      "<p>The labels are taken as they are: what they get wrong counts as the model\u2019s "
      "mistake. This is a research tool, not a medical device.</p>");
}

}  // namespace
}  // namespace report

namespace {

// Null where the line is not whole, as the last one of a run that is still going on may be.
nlohmann::ordered_json line_of_log(const std::string& line) {
  try {
    return parse_json(line);
  } catch (const Error&) {
    return nullptr;
  }
}

}  // namespace

std::vector<EpochRecord> read_epochs(const std::filesystem::path& log) {
  std::vector<EpochRecord> epochs;
  std::ifstream in(log);
  for (std::string line; std::getline(in, line);) {
    const auto json = line_of_log(line);
    const auto has = [&](const char* key) { return json.contains(key) && json[key].is_number(); };
    if (!json.is_object() || !json.contains("split") || json["split"] != "val" || !has("epoch") ||
        !json["epoch"].is_number_integer() || !has("loss") || !has("train_loss"))
      continue;
    epochs.push_back({json["epoch"], json["train_loss"], json["loss"],
                      has("auroc") ? std::optional<double>(json["auroc"]) : std::nullopt});
  }
  return epochs;
}

std::string report_html(const Report& report) {
  using namespace report;
  return format(
      "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" "
      "content=\"width=device-width, initial-scale=1\"><title>",
      escape(report.title), "</title><style>", kStyle, "</style></head><body><header>",
      "<p class=\"eyebrow\">Osteon ", OSTEON_VERSION, " \u00b7 evaluation report</p><h1>",
      escape(report.title), "</h1><p class=\"lead\">", opening(report), "</p></header><main>",
      tiles(report.evaluation.overall.study),
      "<p class=\"note\">All four per study, at the threshold ",
      number(report.evaluation.threshold, 3), ".</p>", figures_section(report),
      facts_section(report), parts_section(report), curves_section(report),
      calibration_section(report), distribution_section(report), confusion_section(report),
      comparison_section(report), learning_section(report), images_section(report),
      audit_section(report), method_section(report), "</main><footer>Written by Osteon ",
      OSTEON_VERSION, ". Not a medical device.</footer></body></html>\n");
}

}  // namespace osteon
