// The calls of an MPI library as a table of C functions. The module that has them (comm/mpi/) is
// built for one MPI library and opened at run time, so that the programs need none: the libraries
// are not binary compatible.
#pragma once

#include <cstdint>

extern "C" {

struct OsteonPlace {
  int rank, size, local_rank, local_size;
  char host[256];
};

enum OsteonNumber { kOsteonF32, kOsteonF64 };

// All are called by one thread. An operation that was started is done when `is_done` has returned 1
// for it; only then may its memory be used. Errors of the library end all processes.
struct OsteonTransport {
  const char* library;  // "Open MPI 4.1.4"

  void (*open)(OsteonPlace* place);
  void (*close)();
  void (*abort)(int status);

  void* (*start_broadcast)(void* data, std::int64_t bytes, int root);
  void* (*start_sum)(void* data, std::int64_t count, int number);
  // `all` gets `bytes` bytes of each process, by rank.
  void* (*start_gather)(const void* mine, std::int64_t bytes, void* all);
  void* (*start_send)(const void* data, std::int64_t bytes, int to);
  void* (*start_receive)(void* data, std::int64_t bytes, int from);
  int (*is_done)(void* operation);

  // Progress marks, beside the operations. send: 0 if the last one is still on its way.
  int (*send_mark)(const void* mark, std::int64_t bytes, int to);
  // 1 if there was one.
  int (*receive_mark)(void* mark, std::int64_t bytes, int from);
};

// The one symbol of a module.
const OsteonTransport* osteon_transport();
}
