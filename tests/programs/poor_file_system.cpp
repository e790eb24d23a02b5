// Loaded into a program by LD_PRELOAD: a file system without symbolic links (exFAT, SMB) and
// without locks (some network mounts).
#include <cerrno>

extern "C" int symlink(const char* /*target*/, const char* /*link*/) {
  errno = EPERM;
  return -1;
}
extern "C" int flock(int /*file*/, int /*operation*/) {
  errno = ENOLCK;
  return -1;
}
extern "C" int symlinkat(const char* /*target*/, int /*folder*/, const char* /*link*/) {
  errno = EPERM;
  return -1;
}
