// The table of comm/transport.h for the MPI library that CMake found.
#include <mpi.h>
#include <unistd.h>

#include <cstdio>
#include <cstring>
#include <memory>

#include "comm/transport.h"

namespace {

MPI_Comm marks = MPI_COMM_NULL;  // so that marks and operations do not meet
MPI_Request sent_mark = MPI_REQUEST_NULL;
char mark_on_its_way[256];

void open_mpi(OsteonPlace* place) {
  int provided = 0;
  MPI_Init_thread(nullptr, nullptr, MPI_THREAD_FUNNELED, &provided);
  MPI_Comm_rank(MPI_COMM_WORLD, &place->rank);
  MPI_Comm_size(MPI_COMM_WORLD, &place->size);
  MPI_Comm local = MPI_COMM_NULL;
  MPI_Comm_split_type(MPI_COMM_WORLD, MPI_COMM_TYPE_SHARED, 0, MPI_INFO_NULL, &local);
  MPI_Comm_rank(local, &place->local_rank);
  MPI_Comm_size(local, &place->local_size);
  MPI_Comm_free(&local);
  MPI_Comm_dup(MPI_COMM_WORLD, &marks);
  ::gethostname(place->host, sizeof place->host - 1);
}

void close_mpi() {
  if (sent_mark != MPI_REQUEST_NULL) MPI_Request_free(&sent_mark);
  MPI_Comm_free(&marks);
  MPI_Finalize();
}

void abort_all(int status) { MPI_Abort(MPI_COMM_WORLD, status); }

template <class Start>
void* started(const Start& start) {
  auto request = std::make_unique<MPI_Request>();
  start(request.get());
  return request.release();
}

void* start_broadcast(void* data, std::int64_t bytes, int root) {
  return started([&](MPI_Request* request) {
    MPI_Ibcast(data, static_cast<int>(bytes), MPI_BYTE, root, MPI_COMM_WORLD, request);
  });
}

void* start_sum(void* data, std::int64_t count, int number) {
  const MPI_Datatype type = number == kOsteonF32 ? MPI_FLOAT : MPI_DOUBLE;
  return started([&](MPI_Request* request) {
    MPI_Iallreduce(MPI_IN_PLACE, data, static_cast<int>(count), type, MPI_SUM, MPI_COMM_WORLD,
                   request);
  });
}

void* start_gather(const void* mine, std::int64_t bytes, void* all) {
  const int count = static_cast<int>(bytes);
  return started([&](MPI_Request* request) {
    MPI_Iallgather(mine, count, MPI_BYTE, all, count, MPI_BYTE, MPI_COMM_WORLD, request);
  });
}

void* start_send(const void* data, std::int64_t bytes, int to) {
  return started([&](MPI_Request* request) {
    MPI_Isend(data, static_cast<int>(bytes), MPI_BYTE, to, 0, MPI_COMM_WORLD, request);
  });
}

void* start_receive(void* data, std::int64_t bytes, int from) {
  return started([&](MPI_Request* request) {
    MPI_Irecv(data, static_cast<int>(bytes), MPI_BYTE, from, 0, MPI_COMM_WORLD, request);
  });
}

int is_done(void* operation) {
  auto* const request = static_cast<MPI_Request*>(operation);
  int done = 0;
  MPI_Test(request, &done, MPI_STATUS_IGNORE);
  if (done != 0) delete request;
  return done;
}

int send_mark(const void* mark, std::int64_t bytes, int to) {
  int done = 1;
  if (sent_mark != MPI_REQUEST_NULL) MPI_Test(&sent_mark, &done, MPI_STATUS_IGNORE);
  if (done == 0) return 0;
  std::memcpy(mark_on_its_way, mark, static_cast<std::size_t>(bytes));
  MPI_Isend(mark_on_its_way, static_cast<int>(bytes), MPI_BYTE, to, 0, marks, &sent_mark);
  return 1;
}

int receive_mark(void* mark, std::int64_t bytes, int from) {
  int there = 0;
  MPI_Iprobe(from, 0, marks, &there, MPI_STATUS_IGNORE);
  if (there != 0)
    MPI_Recv(mark, static_cast<int>(bytes), MPI_BYTE, from, 0, marks, MPI_STATUS_IGNORE);
  return there;
}

const char* library_name() {
  static char name[MPI_MAX_LIBRARY_VERSION_STRING];
#if defined(OMPI_MAJOR_VERSION)
  std::snprintf(name, sizeof name, "Open MPI %d.%d.%d", OMPI_MAJOR_VERSION, OMPI_MINOR_VERSION,
                OMPI_RELEASE_VERSION);
#else
  std::snprintf(name, sizeof name, "MPICH %s", MPICH_VERSION);
#endif
  return name;
}

}  // namespace

const OsteonTransport* osteon_transport() {
  static const OsteonTransport table{library_name(),  open_mpi,  close_mpi,    abort_all,
                                     start_broadcast, start_sum, start_gather, start_send,
                                     start_receive,   is_done,   send_mark,    receive_mark};
  return &table;
}
