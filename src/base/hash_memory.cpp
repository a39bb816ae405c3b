#include "base/hash_memory.hpp"

#include <atomic>
#include <cstdint>
#include <cstring>

#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace {

std::atomic<std::size_t> kept_size{0};
std::atomic<void*> kept{nullptr};  ///< between two hashes
std::atomic<void*> lent{nullptr};  ///< during one
std::atomic<bool> is_used{false};

void release() {
  if (void* mapping = kept.exchange(nullptr)) ::syscall(SYS_munmap, mapping, kept_size.load());
}

}  // namespace

namespace users::hash_memory {

void keep(std::size_t kib) {
  constexpr std::size_t kUnit = 4;  // argon2 rounds down to its four slices
  kept_size = kib / kUnit * kUnit * 1024;
}

void release_unused() {
  if (!is_used.exchange(false)) release();
}

}  // namespace users::hash_memory

// Sanitizers have their own; clang builds the fuzzers, which have one.
#if !defined(__SANITIZE_ADDRESS__) && !defined(__clang__)

namespace {

constexpr std::size_t kHugePage = std::size_t{2} << 20U;

/// As mmap(2) of libc, whose other name is not replaced.
void* map(void* address, std::size_t size, int protection, int flags, int fd, off_t offset) {
  return ::mmap64(address, size, protection, flags, fd, offset);
}

void unmap(std::byte* begin, std::size_t size) {
  if (size > 0) ::syscall(SYS_munmap, begin, size);
}

/// Begins at a huge page. Returns nullptr if that is not possible.
void* map_huge_pages(std::size_t size, int protection, int flags) {
  // Cutting off needs whole pages.
  if (size % static_cast<std::size_t>(::getpagesize()) != 0 || size > SIZE_MAX - kHugePage) {
    return nullptr;
  }
  void* whole = map(nullptr, size + kHugePage, protection, flags & ~MAP_POPULATE, -1, 0);
  if (whole == MAP_FAILED) return nullptr;
  auto* begin = static_cast<std::byte*>(whole);
  const std::size_t before = -reinterpret_cast<std::uintptr_t>(begin) % kHugePage;
  unmap(begin, before);
  begin += before;
  unmap(begin + size, kHugePage - before);
  ::madvise(begin, size, MADV_HUGEPAGE);
  if ((flags & MAP_POPULATE) != 0) ::madvise(begin, size, MADV_POPULATE_WRITE);
  return begin;
}

}  // namespace

extern "C" void* mmap(void* address, std::size_t size, int protection, int flags, int fd,
                      off_t offset) noexcept {
  const bool is_memory = address == nullptr && (flags & MAP_ANONYMOUS) != 0 &&
                         (flags & MAP_PRIVATE) != 0 && protection == (PROT_READ | PROT_WRITE) &&
                         size >= kHugePage;
  if (!is_memory) return map(address, size, protection, flags, fd, offset);
  const bool is_ours = size == kept_size;
  if (!is_ours) release();  // a worker needs no more than its costliest hash
  void* mapping = is_ours ? kept.exchange(nullptr) : nullptr;
  if (mapping == nullptr) mapping = map_huge_pages(size, protection, flags);
  if (mapping == nullptr) return map(address, size, protection, flags, fd, offset);
  if (is_ours) {
    is_used = true;
    lent = mapping;
  }
  return mapping;
}

extern "C" int munmap(void* address, std::size_t size) noexcept {
  void* expected = address;
  if (address != nullptr && size == kept_size && lent.compare_exchange_strong(expected, nullptr)) {
    // Whoever read what a hash leaves could try guesses without the hash's cost.
    ::explicit_bzero(address, size);
    address = kept.exchange(address);
    if (address == nullptr) return 0;
  }
  return static_cast<int>(::syscall(SYS_munmap, address, size));
}

#endif
