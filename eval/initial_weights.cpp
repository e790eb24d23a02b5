// Chooses the tensors of a file by the model's names, and loads them.
#include "eval/initial_weights.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <deque>
#include <optional>
#include <set>

#include "interop/torch_pickle.h"
#include "nn/models.h"
#include "nn/name_match.h"
#include "nn/state_dict.h"

namespace osteon {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kListed = 4;  // names listed in the summary

// A file's dictionaries of tensors, with the names that the architecture has here. A safetensors
// file is one.
class WeightsFile {
 public:
  WeightsFile(const fs::path& path, const Architecture& architecture) {
    if (looks_like_torch_file(path)) {
      torch_.emplace(path);
      dicts_ = torch_->dicts();
    } else {
      safetensors_ = read_safetensors(path);
      dicts_.emplace_back();
      for (const auto& [name, tensor] : safetensors_.tensors) dicts_[0].names.push_back(name);
    }
    for (TorchFile::Dict& dict : dicts_) {
      const auto origin = std::ranges::find_if(architecture.other_names, [&](const auto& names) {
        return has_names_of(names, dict.names, architecture.head);
      });
      const bool has_our_names = origin == architecture.other_names.end();
      origins_.push_back(has_our_names ? nullptr : &*origin);
      if (has_our_names) continue;
      for (std::string_view& name : dict.names)
        name = names_here_.emplace_back(name_here(*origin, name));
    }
  }

  const std::vector<TorchFile::Dict>& dicts() const { return dicts_; }
  const std::map<std::string, std::string>& metadata() const { return safetensors_.metadata; }

  NamedTensors read(std::size_t dict, const TorchFile::Wanted& wanted) const {
    const auto here = [origin = origins_[dict]](std::string_view name) {
      return origin == nullptr ? std::string(name) : name_here(*origin, name);
    };
    const auto is_wanted = [&](std::string_view name) { return wanted(here(name)); };
    NamedTensors result;
    if (torch_)
      result = torch_->read(dict, is_wanted);
    else
      for (const auto& entry : safetensors_.tensors)
        if (is_wanted(entry.first)) result.tensors.push_back(entry);
    for (auto& [name, tensor] : result.tensors) name = here(name);
    return result;
  }

 private:
  std::vector<const LayerNames*> origins_;  // one per dictionary; null: it has our names
  std::deque<std::string> names_here_;      // to which names of the dictionaries refer
  std::optional<TorchFile> torch_;
  NamedTensors safetensors_;
  std::vector<TorchFile::Dict> dicts_;
};

struct Choice {
  std::size_t dict;
  NameMatch match;
  std::string place;  // of the dictionary

  // For comparing choices: the keys that lead to the tensors.
  std::string keys() const {
    std::string keys = place + (place.empty() ? "" : ".") + match.prefix;
    if (keys.ends_with('.')) keys.pop_back();
    return keys;
  }

  // " (state dict 'model', names after 'module.')", or less.
  std::string description() const {
    const std::string dictionary = place.empty() ? "" : "state dict '" + place + "'";
    const std::string names = match.prefix.empty() ? "" : "names after '" + match.prefix + "'";
    if (dictionary.empty() && names.empty()) return "";
    return " (" + dictionary + (dictionary.empty() || names.empty() ? "" : ", ") + names + ")";
  }
};

// Whether one of the words is the usual name of an average of weights.
bool names_average(const std::string& keys) {
  static const std::set<std::string> kAverages = {"ema", "swa", "avg", "average", "averaged"};
  std::string word;
  for (const char c : keys + '.') {
    if (std::isalpha(static_cast<unsigned char>(c))) {
      word += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    } else {
      if (kAverages.contains(word)) return true;
      word.clear();
    }
  }
  return false;
}

// Of several choices the plain one: not of an average, and its keys are contained in all others'.
Choice plain_choice(std::vector<Choice> choices) {
  std::string all;
  for (const Choice& choice : choices) all += (all.empty() ? "'" : ", '") + choice.keys() + "'";
  const auto is_average = [](const Choice& choice) { return names_average(choice.keys()); };
  if (!std::ranges::all_of(choices, is_average)) std::erase_if(choices, is_average);
  for (const Choice& choice : choices) {
    const auto contains_it = [&](const Choice& other) {
      return other.keys().find(choice.keys()) != std::string::npos;
    };
    if (std::ranges::all_of(choices, contains_it)) return choice;
  }
  throw Error("contains weights of this model more than once (" + all +
              "); save only the state dict to start from");
}

struct Choices {
  std::vector<Choice> complete;
  Choice nearest;  // of all, the one with the most names found
};

Choices find_choices(const Module& model, const WeightsFile& file, const std::string& head) {
  Choices choices{{}, {0, {}, file.dicts()[0].place}};
  for (std::size_t i = 0; i < file.dicts().size(); ++i)
    for (const NameMatch& match : match_names(model, file.dicts()[i].names, head)) {
      const Choice choice{i, match, file.dicts()[i].place};
      if (match.is_complete) choices.complete.push_back(choice);
      if (match.found > choices.nearest.match.found) choices.nearest = choice;
    }
  return choices;
}

// The tensors of the choice without the prefix. Of a complete choice those that the model knows;
// otherwise all, so that the error can list what is unexpected.
NamedTensors read_choice(const WeightsFile& file, const Choice& choice, const KnownNames& known) {
  const std::string& prefix = choice.match.prefix;
  NamedTensors tensors = file.read(choice.dict, [&](std::string_view name) {
    return name.starts_with(prefix) &&
           (!choice.match.is_complete || known.contains(name.substr(prefix.size())));
  });
  for (auto& [name, tensor] : tensors.tensors) name.erase(0, prefix.size());
  return tensors;
}

std::string list_of(const std::vector<std::string>& names) {
  std::string text;
  for (std::size_t i = 0; i < std::min(names.size(), kListed); ++i)
    text += (i == 0 ? "" : ", ") + names[i];
  return text + (names.size() > kListed ? ", ..." : "");
}

// "; fc.weight, fc.bias start from random values (they are missing)", or nothing.
std::string describe_left(const std::vector<std::string>& left, const NamedTensors& given) {
  if (left.empty()) return "";
  const auto is_given = [&](const std::string& name) {
    return std::ranges::any_of(given.tensors,
                               [&](const auto& entry) { return entry.first == name; });
  };
  const char* const reason = std::ranges::all_of(left, is_given) ? "another shape" : "missing";
  return "; " + list_of(left) + " start from random values (" + reason + ")";
}

// What the file contains besides the tensors taken, or nothing.
std::string describe_rest(const WeightsFile& file, const Choices& choices, const Choice& taken,
                          const NamedTensors& given) {
  std::vector<std::string> others;
  for (const Choice& choice : choices.complete)
    if (choice.keys() != taken.keys()) others.push_back("'" + choice.keys() + "'");
  if (!others.empty()) return "; not taken: " + list_of(others);
  const std::size_t rest = file.dicts()[taken.dict].names.size() - given.tensors.size();
  if (rest == 0) return "";
  return format("; not taken: ", rest, " other tensor", rest == 1 ? "" : "s");
}

// The values of our own files' metadata; of other files those of published weights.
WeightsInfo read_metadata(const WeightsFile& file, const ModelInfo& info,
                          const Architecture& architecture) {
  const auto arch = file.metadata().find("arch");
  if (arch == file.metadata().end())
    return {.arch = info.arch,
            .width = info.width,
            .mean = architecture.mean,
            .std = architecture.std,
            .source = {},
            .licence = {}};
  OSTEON_CHECK(arch->second == info.arch, "contains weights of ", arch->second, ", but --arch is ",
               info.arch, "; use --arch ", arch->second);
  WeightsInfo given = read_weights_info(file.metadata());
  OSTEON_CHECK(given.width == info.width, "contains weights of width ", given.width,
               ", but --width is ", info.width, "; use --width ", given.width);
  return given;
}

}  // namespace

InitialWeights initialise_from(Module& model, const ModelInfo& info, const fs::path& path) {
  verify_model_file(path);
  const Architecture& architecture = find_architecture(info.arch);
  const WeightsFile file(path, architecture);
  std::string source = path.string();
  std::string likely;  // what the weights seem to be, if they are not the model's
  try {
    InitialWeights result{
        .info = read_metadata(file, info, architecture), .left_as_initialised = {}, .summary = {}};
    const Choices choices = find_choices(model, file, architecture.head);
    const Choice taken =
        choices.complete.empty() ? choices.nearest : plain_choice(choices.complete);
    source += taken.description();
    if (choices.complete.empty()) {
      const std::string family = family_of_tensors(file.dicts()[taken.dict].names);
      if (!family.empty() && family != architecture.family)
        likely = "; they seem to be of the family " + family;
    }
    const NamedTensors given = read_choice(file, taken, KnownNames(model, architecture.head));
    const std::vector<std::string> left = load_state_dict(model, given, architecture.head);
    check_finite(state_dict(model), "training cannot start from it");
    const auto loaded = std::ranges::count_if(given.tensors, [&](const auto& entry) {
      return left.empty() || !is_below(entry.first, architecture.head);
    });
    result.summary = format("initial weights: ", source, ": ", loaded, " tensors",
                            describe_left(left, given), describe_rest(file, choices, taken, given));
    result.left_as_initialised = left;
    return result;
  } catch (const std::exception& error) {
    throw Error(format(source, ": ", error.what(), likely));
  }
}

}  // namespace osteon
