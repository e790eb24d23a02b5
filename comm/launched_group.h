// The group of the processes that a launcher started, over a transport.
#pragma once

#include <memory>

#include "comm/process_group.h"
#include "comm/transport.h"

namespace osteon {

// Opens the transport in a thread of the group's own. Throws Error unless it finds this number of
// processes. The group closes the transport when it is destroyed.
std::unique_ptr<ProcessGroup> open_launched_group(const OsteonTransport& transport, int processes);

}  // namespace osteon
