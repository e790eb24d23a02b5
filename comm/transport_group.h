// A group of processes over a transport.
#pragma once

#include <memory>

#include "comm/process_group.h"
#include "comm/transport.h"

namespace osteon {

// Opens the transport. The group ends when all processes of it have destroyed theirs.
std::unique_ptr<ProcessGroup> open_group(const OsteonTransport& transport);

}  // namespace osteon
