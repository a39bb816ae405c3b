// Counts the memory that an input needs, by the sanitizer's own hooks.
#pragma once

#include <algorithm>
#include <cstddef>

#include <sanitizer/allocator_interface.h>

namespace users::fuzz {

inline std::size_t live_bytes = 0;
inline std::size_t most_bytes = 0;

/// Call once.
inline void count_memory() {
  __sanitizer_install_malloc_and_free_hooks(
      [](const volatile void*, std::size_t size) {
        live_bytes += size;
        most_bytes = std::max(most_bytes, live_bytes);
      },
      [](const volatile void* memory) {
        const std::size_t size =
            memory == nullptr ? 0 : __sanitizer_get_allocated_size(const_cast<const void*>(memory));
        live_bytes -= std::min(live_bytes, size);
      });
}

/// Forgets what earlier inputs needed.
inline void begin_input() {
  live_bytes = 0;
  most_bytes = 0;
}

constexpr std::size_t kMostMemory = 1024 * 1024;

}  // namespace users::fuzz
