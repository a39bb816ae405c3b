// Loaded into a worker by LD_PRELOAD: makes the Nth call of a family fail, see shim/control.hpp.
#include <cerrno>
#include <cstdarg>
#include <cstdlib>

#include <dlfcn.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "fault/shim/control.hpp"

// glibc's internal names: dlsym() allocates memory itself, so it cannot look up malloc.
extern "C" {
void* __libc_malloc(size_t size);                 // NOLINT(bugprone-reserved-identifier)
void* __libc_calloc(size_t count, size_t size);   // NOLINT(bugprone-reserved-identifier)
void* __libc_realloc(void* memory, size_t size);  // NOLINT(bugprone-reserved-identifier)
}

namespace {

using users::test::Control;
using users::test::Family;

Control* control = nullptr;

__attribute__((constructor)) void find_control() {
  const char* path = std::getenv("FAIL_NTH_CALL");  // NOLINT(concurrency-mt-unsafe): at start
  if (path == nullptr) return;
  const int file = ::open(path, O_RDWR | O_CLOEXEC);
  void* memory =
      file < 0 ? MAP_FAILED
               : ::mmap(nullptr, sizeof(Control), PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
  if (memory == MAP_FAILED) ::_exit(126);  // otherwise nothing would fail and the test would pass
  ::close(file);
  control = static_cast<Control*>(memory);
}

/// Counts the call; returns true with errno set if it must fail.
bool fails(Family family) {
  if (control == nullptr || control->family.load() != family) return false;
  if (++control->calls != control->nth.load()) return false;
  ++control->failed;
  errno = control->error.load();
  return true;
}

template <typename Function>
Function next(const char* name) {
  return reinterpret_cast<Function>(::dlsym(RTLD_NEXT, name));
}

}  // namespace

#define PASS_ON(family, name, ...)                         \
  if (fails(family)) return -1;                            \
  static const auto real = next<decltype(&::name)>(#name); \
  return real(__VA_ARGS__)

extern "C" {

void* malloc(size_t size) {
  return fails(Family::memory) ? nullptr : __libc_malloc(size);
}
void* calloc(size_t count, size_t size) {
  return fails(Family::memory) ? nullptr : __libc_calloc(count, size);
}
void* realloc(void* memory, size_t size) {
  return fails(Family::memory) ? nullptr : __libc_realloc(memory, size);
}

ssize_t read(int file, void* buffer, size_t size) {
  PASS_ON(Family::reading, read, file, buffer, size);
}
ssize_t recv(int file, void* buffer, size_t size, int flags) {
  PASS_ON(Family::reading, recv, file, buffer, size, flags);
}
ssize_t write(int file, const void* buffer, size_t size) {
  PASS_ON(Family::writing, write, file, buffer, size);
}
ssize_t writev(int file, const iovec* parts, int count) {
  PASS_ON(Family::writing, writev, file, parts, count);
}
ssize_t send(int file, const void* buffer, size_t size, int flags) {
  PASS_ON(Family::writing, send, file, buffer, size, flags);
}
int accept4(int file, sockaddr* address, socklen_t* size, int flags) {
  PASS_ON(Family::opening, accept4, file, address, size, flags);
}
int socket(int domain, int type, int protocol) noexcept {
  PASS_ON(Family::opening, socket, domain, type, protocol);
}
int connect(int file, const sockaddr* address, socklen_t size) {
  PASS_ON(Family::opening, connect, file, address, size);
}

}  // extern "C"
