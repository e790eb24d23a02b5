// NCCL, opened at the first use: a process that works alone needs none. Its header need not be
// installed; the functions in use are declared here, after nccl.h of NCCL 2.28
// (https://github.com/NVIDIA/nccl/blob/master/src/nccl.h.in). Their binary interface is that of all
// versions 2.x.
#pragma once

#include <cuda_runtime_api.h>

#include <cstddef>
#include <span>
#include <string>

namespace osteon::cuda {

// Opaque: one process's part of a communicator.
struct NcclComm;

// Made by one process, and given to all others.
struct NcclId {
  char bytes[128];
};

enum NcclResult : int { kNcclSuccess = 0, kNcclInProgress = 7 };
enum NcclType : int { kNcclFloat32 = 7, kNcclFloat64 = 8 };
enum NcclOperation : int { kNcclSum = 0 };

// The functions, by their names in the library.
struct Nccl {
  NcclResult (*ncclGetUniqueId)(NcclId* id);
  NcclResult (*ncclCommInitRank)(NcclComm** comm, int size, NcclId id, int rank);
  NcclResult (*ncclCommDestroy)(NcclComm* comm);
  NcclResult (*ncclCommAbort)(NcclComm* comm);
  NcclResult (*ncclCommGetAsyncError)(NcclComm* comm, NcclResult* error);
  const char* (*ncclGetErrorString)(NcclResult result);
  NcclResult (*ncclAllReduce)(const void* from, void* to, std::size_t count, NcclType type,
                              NcclOperation operation, NcclComm* comm, cudaStream_t stream);
  NcclResult (*ncclSend)(const void* from, std::size_t count, NcclType type, int peer,
                         NcclComm* comm, cudaStream_t stream);
  NcclResult (*ncclRecv)(void* to, std::size_t count, NcclType type, int peer, NcclComm* comm,
                         cudaStream_t stream);
  NcclResult (*ncclGroupStart)();
  NcclResult (*ncclGroupEnd)();
};

// Opens the first of these libraries that can be opened. Throws Error with the way out if none can.
Nccl open_nccl(std::span<const std::string> files);

// The functions of the library that the dynamic linker finds as libnccl.so.2, or else of the one
// that CMake found. Throws Error as above.
const Nccl& nccl();

}  // namespace osteon::cuda
