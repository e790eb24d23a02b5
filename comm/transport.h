// The functions of a communication library that a process group needs, as a table in C. The library
// core links no MPI: implementations of MPI are not binary compatible, and a process that was
// started alone needs none. Each implementation has a shared library of its own, built from
// comm/mpi/transport.cpp, which is opened at run time and has one symbol, osteon_transport().
//
// Every function except abort returns 0 or the library's error code. One thread makes all calls.
#pragma once

#include <cstdint>

extern "C" {

enum OsteonNumber : std::int32_t { osteon_f32, osteon_f64, osteon_i64 };

// A started operation. Its memory must stay as it is until `test` says that it is done.
struct OsteonRequest;

struct OsteonTransport {
  // Of this table; the library core refuses another.
  std::int32_t version;

  // The calling thread becomes the library's main thread.
  int (*open)(std::int32_t* rank, std::int32_t* size);
  // Waits until all processes have called it.
  int (*close)();
  // Ends all processes with this exit status; may return before that.
  void (*abort)(std::int32_t status);
  // Writes at most `bytes` bytes, the last of them 0.
  void (*error_text)(int code, char* text, std::int32_t bytes);

  // data <- the sum of all processes' data, in an order that the library chooses.
  int (*start_sum)(void* data, std::int32_t count, OsteonNumber type, OsteonRequest** request);
  // data <- the root's data.
  int (*start_broadcast)(void* data, std::int64_t bytes, std::int32_t root,
                         OsteonRequest** request);
  // all <- every process's `mine`, by rank, each of `bytes` bytes.
  int (*start_all_gather)(const void* mine, void* all, std::int32_t bytes, OsteonRequest** request);
  // Sends one range to another process, which sends `receive_bytes` bytes in the same way. 0 bytes
  // are not sent.
  int (*start_exchange)(std::int32_t peer, const void* send, std::int64_t send_bytes, void* receive,
                        std::int64_t receive_bytes, OsteonRequest** request);
  // Done when all processes have started it. Does not depend on the order of other operations.
  int (*start_barrier)(OsteonRequest** request);
  // Messages of a kind of their own, which do not depend on the order of the others.
  int (*start_sending_mark)(std::int32_t to, const void* data, std::int32_t bytes,
                            OsteonRequest** request);
  int (*start_receiving_mark)(std::int32_t from, void* data, std::int32_t bytes,
                              OsteonRequest** request);
  // Lets all operations make progress. A request that is done, or has failed, is freed.
  int (*test)(OsteonRequest* request, std::int32_t* is_done);
};

constexpr std::int32_t kOsteonTransportVersion = 1;

const OsteonTransport* osteon_transport();

}  // extern "C"
