// An unnamed file in memory, which the other processes open through the first one's descriptor.
#include "comm/shared_memory.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "base/error.h"
#include "comm/process_group.h"

namespace osteon {
namespace {

class Descriptor {
 public:
  explicit Descriptor(int file) : file_(file) {}
  ~Descriptor() {
    if (file_ >= 0) ::close(file_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  int get() const { return file_; }

 private:
  const int file_;
};

void check(bool is_good, const char* what) {
  OSTEON_CHECK(is_good, "cannot share memory with the other processes of this host: ", what, ": ",
               std::strerror(errno), "; --cache none or a folder needs none");
}

// The file of the first process; the others open it in that one's folder of /proc.
int open_file(std::size_t bytes) {
  const bool is_first = world().local_rank() == 0;
  int file = -1;
  if (is_first) {
    file = ::memfd_create("osteon", MFD_CLOEXEC);
    check(file >= 0 && ::ftruncate(file, static_cast<off_t>(bytes)) == 0, "memfd_create");
  }
  const std::string path = world().from_first_of_host(format("/proc/", ::getpid(), "/fd/", file));
  if (!is_first) {
    file = ::open(path.c_str(), O_RDWR | O_CLOEXEC);
    check(file >= 0, path.c_str());
  }
  return file;
}

}  // namespace

Tensor shared_tensor(const Shape& shape, DType dtype) {
  if (world().local_size() == 1) {
    world().from_first_of_host("");  // the processes of other hosts do both, too
    world().barrier();
    return Tensor(shape, dtype);
  }
  const std::size_t bytes =
      std::max<std::size_t>(1, static_cast<std::size_t>(shape.numel()) * size_of(dtype));
  const Descriptor file(open_file(bytes));
  void* const data = ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, file.get(), 0);
  check(data != MAP_FAILED, "mmap");
  world().barrier();  // the first process's descriptor has been opened by all
  std::shared_ptr<const void> owner(data, [bytes](void* mapped) { ::munmap(mapped, bytes); });
  return Tensor(std::make_shared<Storage>(data, bytes, std::move(owner)), 0, shape, dtype);
}

}  // namespace osteon
