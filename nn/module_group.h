// Names with more levels than a model has layers: torchvision's "conv.0.1.weight" is the batch norm
// in layer 0 of the block's member conv.
#pragma once

#include <map>
#include <memory>
#include <string>

#include "nn/module.h"

namespace osteon {

// One level of names, without a computation of its own.
class ModuleGroup : public Module {
 public:
  // Registers a module, or a parameter, at a path below this group; the levels between are created:
  // add("0.1", norm).
  void add(const std::string& path, Module& module) {
    const std::size_t dot = path.find('.');
    if (dot == std::string::npos) return register_module(path, module);
    level(path.substr(0, dot)).add(path.substr(dot + 1), module);
  }
  void add(const std::string& path, Tensor& parameter) {
    const std::size_t dot = path.find('.');
    if (dot == std::string::npos) return register_parameter(path, parameter);
    level(path.substr(0, dot)).add(path.substr(dot + 1), parameter);
  }

 private:
  ModuleGroup& level(const std::string& name) {
    auto& found = levels_[name];
    if (!found) {
      found = std::make_unique<ModuleGroup>();
      register_module(name, *found);
    }
    return *found;
  }

  std::map<std::string, std::unique_ptr<ModuleGroup>> levels_;
};

}  // namespace osteon
