// Opening NCCL: a library that is missing, and one that is not NCCL.
#include "comm/nccl/nccl.h"

#include <doctest/doctest.h>

#include <vector>

#include "tests/support/message_of.h"

using namespace osteon;

TEST_CASE("a missing or wrong library is an error with the way out") {
  struct Row {
    std::vector<std::string> files;
    std::vector<const char*> parts;
  };
  for (const Row& row :
       {Row{{"libnccl-missing.so.2", "/nowhere/libnccl.so.2"},
            {"several processes on CUDA devices need NCCL",
             "install libnccl2 or the pip package "
             "nvidia-nccl-cu",
             "--device cpu", "; libnccl-missing.so.2: ", "; /nowhere/libnccl.so.2: "}},
        Row{{"libm.so.6"}, {"this NCCL has no ncclGetUniqueId; install 2.7 or later"}}}) {
    const std::string message = message_of([&] { cuda::open_nccl(row.files); });
    CAPTURE(message);
    for (const char* part : row.parts) CHECK_MESSAGE(contains(message, part), part);
  }
}
