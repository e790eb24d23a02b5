// Marks what both the host's and the device's compiler translate.
#pragma once

#if defined(__CUDACC__)
#define OSTEON_HOST_DEVICE __host__ __device__
#else
#define OSTEON_HOST_DEVICE
#endif
