// Checks, before the first step, that all processes do the same work.
#pragma once

#include <nlohmann/json.hpp>

#include "nn/module.h"

namespace osteon {

// Throws Error naming the first entry of `facts` (options, versions, checksums; an object) that
// differs between the first process and this or another one, both values and the process. All
// processes must call it.
void check_same_facts(const nlohmann::ordered_json& facts);

// Gives the weights and buffers of the first process to all others, and compares their checksums
// afterwards: throws Error naming the process in which they differ.
void share_weights(const Module& model);

}  // namespace osteon
