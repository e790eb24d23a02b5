// A libcuda.so.1 for machines without a driver, with which cuDNN can compile plans: loading
// compiled code succeeds, and every other call reports that there is no device. It has the
// functions that cuDNN looks up at its start; it prints the names of missing ones.
namespace {

constexpr int kSuccess = 0, kNoDevice = 100;
int loaded;  // handles of loaded code point to this

}  // namespace

// NOLINTBEGIN(readability-identifier-naming): the driver's names.
#define FAILS(name) \
  extern "C" int name() { return kNoDevice; }
#define SUCCEEDS(name) \
  extern "C" int name() { return kSuccess; }
#define LOADS(name)                    \
  extern "C" int name(void** handle) { \
    *handle = &loaded;                 \
    return kSuccess;                   \
  }

LOADS(cuLibraryLoadData)
LOADS(cuLibraryGetKernel)
SUCCEEDS(cuLibraryUnload)
SUCCEEDS(cuKernelSetAttribute)

FAILS(cuCtxGetCurrent)
FAILS(cuCtxGetLimit)
FAILS(cuCtxPopCurrent)
FAILS(cuCtxPushCurrent)
FAILS(cuDeviceGet)
FAILS(cuDeviceGetCount)
FAILS(cuDriverGetVersion)
FAILS(cuGetErrorName)
FAILS(cuGetErrorString)
FAILS(cuKernelGetAttribute)
FAILS(cuLaunchCooperativeKernel)
FAILS(cuLaunchKernel)
FAILS(cuLaunchKernelEx)
FAILS(cuLibraryLoadFromFile)
FAILS(cuLinkAddData)
FAILS(cuLinkComplete)
FAILS(cuLinkCreate)
FAILS(cuLinkDestroy)
FAILS(cuOccupancyMaxPotentialClusterSize)
FAILS(cuStreamGetCtx)
// NOLINTEND(readability-identifier-naming)
