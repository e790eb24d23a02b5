// The search for layers in the names of tensors.
#include "nn/layer_names.h"

#include <algorithm>
#include <set>

namespace osteon {
namespace {

// The longest path that is a layer of the other origin and precedes the last part of the name.
// `begin` becomes its place in the name.
LayerNames::const_iterator find_layer(const LayerNames& layers, std::string_view name,
                                      std::size_t& begin) {
  const std::size_t end = name.rfind('.');
  for (begin = 0; end != std::string_view::npos && begin < end; begin = name.find('.', begin) + 1)
    if (const auto found = layers.find(name.substr(begin, end - begin)); found != layers.end())
      return found;
  return layers.end();
}

}  // namespace

std::string name_here(const LayerNames& layers, std::string_view name) {
  std::size_t begin = 0;
  const auto layer = find_layer(layers, name, begin);
  if (layer == layers.end()) return std::string(name);
  return std::string(name.substr(0, begin)) + layer->second +
         std::string(name.substr(begin + layer->first.size()));
}

bool has_names_of(const LayerNames& layers, std::span<const std::string_view> names,
                  std::string_view head) {
  std::set<std::string_view> found;
  std::size_t begin = 0;
  for (const std::string_view name : names)
    if (const auto layer = find_layer(layers, name, begin); layer != layers.end())
      found.insert(layer->first);
  return std::ranges::all_of(layers, [&](const auto& layer) {
    return layer.second == head || found.contains(layer.first);
  });
}

}  // namespace osteon
