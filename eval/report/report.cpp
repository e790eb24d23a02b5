// The sections of the report, in the order of a reader's questions: the results, what was run,
// strengths and weaknesses, uncertainty, and the images.
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

std::string warning_box(const Report& report) {
  if (report.warning.empty()) return "";
  return "<p class=\"warning\" role=\"alert\">" + escape(report.warning) + "</p>";
}

std::string facts_section(const Report& report) {
  std::string html = "<h2>What was run</h2><dl class=\"facts\">";
  for (const auto& [name, value] : report.facts)
    html += format("<dt>", escape(name), "</dt><dd>", escape(value), "</dd>");
  html += "</dl>";
  if (!report.splits.is_object()) return html;
  std::vector<std::string> columns{"Split", "Images"}, keys{"images"};
  for (const auto& [key, name] : report.task.counted) {
    columns.push_back("Labelled " + name);
    keys.push_back(key);
  }
  columns.insert(columns.end(), {"Studies", "Patients"});
  keys.insert(keys.end(), {"studies", "patients"});
  Table table("The data by split. No patient is in two splits.", columns);
  for (const auto& [name, counts] : report.splits.items()) {
    std::vector<std::string> cells;
    for (const std::string& key : keys)
      cells.push_back(std::to_string(counts.value(key, std::int64_t{0})));
    table.row(name, cells);
  }
  return html + table.html();
}

struct Range {
  double low = 0, high = 0;
};

// From 0 to 1 if all scores lie there.
Axis score_axis(const Range& range, const std::string& label) {
  if (range.low >= 0 && range.high <= 1) return unit_axis(label);
  return axis_between(range.low, range.high, label);
}

std::string learning_section(const Report& report) {
  if (report.epochs.size() < 2) return "";
  double highest = 0;
  const Score& score = report.task.score;
  const std::string name = score.name;
  Points train, val, scores;
  Range range;
  for (const EpochRecord& record : report.epochs) {
    const auto epoch = static_cast<double>(record.epoch);
    highest = std::max({highest, record.train_loss, record.val_loss});
    train.emplace_back(epoch, record.train_loss);
    val.emplace_back(epoch, record.val_loss);
    if (!record.score) continue;
    scores.emplace_back(epoch, *record.score);
    range = {std::min(range.low, *record.score), std::max(range.high, *record.score)};
  }
  Axis epochs =
      axis_up_to(static_cast<double>(report.epochs.back().epoch), "Epoch", /*whole=*/true);
  Chart losses("Loss over the epochs", "Training and validation loss after each epoch.", epochs,
               axis_up_to(highest, "Loss"));
  losses.line(train, "image");
  losses.line(val, "study");
  Chart ranking("Validation " + name + " over the epochs",
                name + " on the validation images by epoch.", epochs,
                score_axis(range, name + " of validation images"));
  std::string chance;
  if (score.chance) {
    ranking.line({{0, *score.chance}, {epochs.high, *score.chance}}, "ghost");
    chance = legend_entry("line ghost", "chance");
  }
  ranking.line(scores, "study");
  return "<h2>Learning curves</h2><div class=\"pair\"><figure>" + losses.svg() +
         "<figcaption><div class=\"legend\">" + legend_entry("line image", "training") +
         legend_entry("line study", "validation") +
         "</div>The training loss is weighted by class and measured while the weights still change."
         "</figcaption></figure><figure>" +
         ranking.svg() + "<figcaption><div class=\"legend\">" +
         legend_entry("line study", "validation") + chance +
         "</div>The model of the epoch with the " +
         (score.higher_is_better ? "highest " : "lowest ") + name +
         " is kept.</figcaption></figure></div>";
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

std::string image_element(const std::string& jpeg, const std::string& alt) {
  return format("<img src=\"data:image/jpeg;base64,", base64(jpeg), "\" alt=\"", escape(alt),
                "\">");
}

std::string gallery(const Report& report, const std::vector<ReportImage>& images) {
  std::string html = "<div class=\"gallery\">";
  for (const ReportImage& image : images) {
    const std::string what = image.part.empty() ? "Radiograph" : image.part;
    html += format("<figure><div class=\"views\">",
                   image_element(image.radiograph, format(what, ", labelled ", image.label)),
                   image_element(image.heat_map, format("The same with the heat map: evidence for ",
                                                        report.task.heat_target)),
                   "</div><figcaption><b>", escape(what), "</b>: labelled <b>", escape(image.label),
                   "</b>, predicted <b class=\"", image.is_right ? "right" : "wrong", "\">",
                   escape(image.decision), "</b>, ", image.detail, "<br>", escape_path(image.path),
                   "</figcaption></figure>");
  }
  return html + "</div>";
}

std::string images_section(const Report& report) {
  std::string html;
  std::string explanation =
      format("Left: the radiograph. Right: the same with its heat map (Grad-CAM of ",
             escape(report.heat_layer), "): orange to yellow marks evidence for ",
             escape(report.task.heat_target),
             ", each map scaled to its own maximum. A heat map shows the regions that influenced "
             "the decision; it does not outline a lesion.");
  for (const auto& [heading, note, images] : report.task.galleries) {
    if (images.empty()) continue;
    html += format("<h2>", heading, "</h2><p class=\"note\">", note, explanation, "</p>",
                   gallery(report, images));
    explanation.clear();  // only before the first gallery
  }
  return html;
}

std::string method_section(const Report& report) {
  return "<h2>How to read the figures</h2>" + report.task.method +
         "<p>The labels are not checked: a wrong label counts as a mistake of the "
         "model. This is a research tool, not a medical device.</p>";
}

}  // namespace
}  // namespace report

namespace {

// Null if the line is incomplete, which the last line of a running training can be.
nlohmann::ordered_json line_of_log(const std::string& line) {
  try {
    return parse_json(line);
  } catch (const Error&) {
    return nullptr;
  }
}

}  // namespace

std::vector<EpochRecord> read_epochs(const std::filesystem::path& log, const std::string& score) {
  std::vector<EpochRecord> epochs;
  std::ifstream in(log);
  for (std::string line; std::getline(in, line);) {
    const auto json = line_of_log(line);
    const auto has = [&](const char* key) { return json.contains(key) && json[key].is_number(); };
    if (!json.is_object() || !json.contains("split") || json["split"] != "val" || !has("epoch") ||
        !json["epoch"].is_number_integer() || !has("loss") || !has("train_loss"))
      continue;
    epochs.push_back({json["epoch"], json["train_loss"], json["loss"],
                      has(score.c_str()) ? std::optional<double>(json[score]) : std::nullopt});
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
      escape(report.title), "</h1>", warning_box(report), "<p class=\"lead\">", report.task.lead,
      "</p></header><main>", report.task.headline, robustness_section(report.robustness),
      facts_section(report), report.task.details, learning_section(report), images_section(report),
      audit_section(report), method_section(report), "</main><footer>Written by Osteon ",
      OSTEON_VERSION, ". Not a medical device.</footer></body></html>\n");
}

}  // namespace osteon
