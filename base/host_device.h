// Marks functions that are compiled for both the host and the device.
#pragma once

#if defined(__CUDACC__)
#define OSTEON_HOST_DEVICE __host__ __device__
#else
#define OSTEON_HOST_DEVICE
#endif
