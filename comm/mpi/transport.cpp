// The table of comm/transport.h over MPI. This file is not part of the library core: it is compiled
// into a shared library for the MPI that CMake found (cmake/mpi.cmake).
//
// Counts in MPI are int, so large messages are cut into pieces.
#include "comm/transport.h"

#include <mpi.h>

#include <algorithm>
#include <memory>
#include <vector>

struct OsteonRequest {
  std::vector<MPI_Request> pieces;
};

namespace {

constexpr std::int64_t kMaxPieceBytes = std::int64_t{1} << 26;
constexpr int kDataTag = 1, kMarkTag = 2;

// Duplicates of MPI_COMM_WORLD: operations, and what does not depend on their order.
MPI_Comm operations = MPI_COMM_NULL, marks = MPI_COMM_NULL;

MPI_Datatype type_of(OsteonNumber type) {
  if (type == osteon_f32) return MPI_FLOAT;
  return type == osteon_f64 ? MPI_DOUBLE : MPI_INT64_T;
}

// Calls start(piece, bytes, request) for each piece of the data.
template <class Byte, class Start>
int start_pieces(Byte* data, std::int64_t bytes, OsteonRequest& request, const Start& start) {
  for (std::int64_t begin = 0; begin < bytes; begin += kMaxPieceBytes) {
    MPI_Request& piece = request.pieces.emplace_back(MPI_REQUEST_NULL);
    const int now = static_cast<int>(std::min(kMaxPieceBytes, bytes - begin));
    if (const int error = start(data + begin, now, &piece)) return error;
  }
  return MPI_SUCCESS;
}

// Calls start(request) and hands the request over, unless that fails.
template <class Start>
int start_request(OsteonRequest** request, const Start& start) {
  auto started = std::make_unique<OsteonRequest>();
  const int error = start(*started);
  if (error == MPI_SUCCESS) *request = started.release();
  return error;
}

int open(std::int32_t* rank, std::int32_t* size) {
  int given = 0;
  if (const int error = MPI_Init_thread(nullptr, nullptr, MPI_THREAD_FUNNELED, &given))
    return error;
  MPI_Comm_set_errhandler(MPI_COMM_WORLD, MPI_ERRORS_RETURN);
  for (MPI_Comm* copy : {&operations, &marks})
    if (const int error = MPI_Comm_dup(MPI_COMM_WORLD, copy)) return error;
  MPI_Comm_rank(operations, rank);
  return MPI_Comm_size(operations, size);
}

int close() { return MPI_Finalize(); }

void abort(std::int32_t status) { MPI_Abort(MPI_COMM_WORLD, status); }

void error_text(int code, char* text, std::int32_t bytes) {
  char whole[MPI_MAX_ERROR_STRING] = "";
  int length = 0;
  MPI_Error_string(code, whole, &length);
  length = std::min(length, bytes - 1);
  *std::copy_n(whole, length, text) = '\0';
}

int start_sum(void* data, std::int32_t count, OsteonNumber type, OsteonRequest** request) {
  return start_request(request, [&](OsteonRequest& started) {
    return MPI_Iallreduce(MPI_IN_PLACE, data, count, type_of(type), MPI_SUM, operations,
                          &started.pieces.emplace_back(MPI_REQUEST_NULL));
  });
}

int start_broadcast(void* data, std::int64_t bytes, std::int32_t root, OsteonRequest** request) {
  return start_request(request, [&](OsteonRequest& started) {
    return start_pieces(static_cast<char*>(data), bytes, started,
                        [&](char* piece, int now, MPI_Request* part) {
                          return MPI_Ibcast(piece, now, MPI_BYTE, root, operations, part);
                        });
  });
}

int start_all_gather(const void* mine, void* all, std::int32_t bytes, OsteonRequest** request) {
  return start_request(request, [&](OsteonRequest& started) {
    return MPI_Iallgather(mine, bytes, MPI_BYTE, all, bytes, MPI_BYTE, operations,
                          &started.pieces.emplace_back(MPI_REQUEST_NULL));
  });
}

int start_exchange(std::int32_t peer, const void* send, std::int64_t send_bytes, void* receive,
                   std::int64_t receive_bytes, OsteonRequest** request) {
  return start_request(request, [&](OsteonRequest& started) {
    const int error =
        start_pieces(static_cast<char*>(receive), receive_bytes, started,
                     [&](char* piece, int now, MPI_Request* part) {
                       return MPI_Irecv(piece, now, MPI_BYTE, peer, kDataTag, operations, part);
                     });
    if (error != MPI_SUCCESS) return error;
    return start_pieces(static_cast<const char*>(send), send_bytes, started,
                        [&](const char* piece, int now, MPI_Request* part) {
                          return MPI_Isend(piece, now, MPI_BYTE, peer, kDataTag, operations, part);
                        });
  });
}

int start_barrier(OsteonRequest** request) {
  return start_request(request, [&](OsteonRequest& started) {
    return MPI_Ibarrier(marks, &started.pieces.emplace_back(MPI_REQUEST_NULL));
  });
}

int start_sending_mark(std::int32_t to, const void* data, std::int32_t bytes,
                       OsteonRequest** request) {
  return start_request(request, [&](OsteonRequest& started) {
    return MPI_Isend(data, bytes, MPI_BYTE, to, kMarkTag, marks,
                     &started.pieces.emplace_back(MPI_REQUEST_NULL));
  });
}

int start_receiving_mark(std::int32_t from, void* data, std::int32_t bytes,
                         OsteonRequest** request) {
  return start_request(request, [&](OsteonRequest& started) {
    return MPI_Irecv(data, bytes, MPI_BYTE, from, kMarkTag, marks,
                     &started.pieces.emplace_back(MPI_REQUEST_NULL));
  });
}

int test(OsteonRequest* request, std::int32_t* is_done) {
  int flag = 0;
  const int error = MPI_Testall(static_cast<int>(request->pieces.size()), request->pieces.data(),
                                &flag, MPI_STATUSES_IGNORE);
  *is_done = flag;
  if (flag != 0 || error != MPI_SUCCESS) delete request;
  return error;
}

constexpr OsteonTransport kTransport = {kOsteonTransportVersion,
                                        open,
                                        close,
                                        abort,
                                        error_text,
                                        start_sum,
                                        start_broadcast,
                                        start_all_gather,
                                        start_exchange,
                                        start_barrier,
                                        start_sending_mark,
                                        start_receiving_mark,
                                        test};

}  // namespace

const OsteonTransport* osteon_transport() { return &kTransport; }
