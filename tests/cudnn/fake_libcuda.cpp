// A libcuda.so.1 for machines without a driver, in which cuDNN finishes compiling a plan: loading
// what was compiled succeeds and every other call says that there is no device. It has the calls
// that cuDNN looks up when it starts; it prints the names of those it misses.
namespace {

constexpr int kSuccess = 0, kNoDevice = 100;
int loaded;  // what handles of what was loaded point to

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
