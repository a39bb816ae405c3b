// The memory of password hashes.
#pragma once

#include <cstddef>

/// libsodium maps 19 MiB for each hash. To let the kernel map and clear 4,864 pages every time
/// costs over two fifths of a hash, so large mappings are put on huge pages, and one is kept.
/// libsodium has no allocator to set, but calls this program's mmap() and munmap() rather than
/// libc's. Where huge pages are off or none is free, the kernel gives small ones, which are kept as
/// well. Sanitizers have their own mmap(): under them nothing is kept.
namespace users::hash_memory {

/// Keeps the memory of an argon2 hash of this size, wiped, for the next one. Only one is kept, and
/// none while a hash of another size is made.
void keep(std::size_t kib);

/// Unmaps what is kept if no hash has used it since the last call. Called once a second by an idle
/// worker, which so holds nothing three seconds after its last hash.
void release_unused();

}  // namespace users::hash_memory
