// The memory of a hash is kept for the next one, wiped, and given back when nobody hashes.
#include "base/hash_memory.hpp"

#include <fstream>
#include <thread>

#include <boost/test/unit_test.hpp>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#include "base/crypto.hpp"
#include "support/text.hpp"
#include "unit/child_process.hpp"

// Sanitizers have their own mmap().
#if !defined(__SANITIZE_ADDRESS__) && !defined(__clang__)

namespace users::test {

using namespace std::string_view_literals;

namespace {

constexpr unsigned kKib = 19456;
constexpr std::size_t kSize = std::size_t{kKib} * 1024;

void* map(std::size_t size) {
  return ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
}

/// The flags of the mapping that begins there, as in /proc/PID/smaps; empty if there is none.
std::string flags_at(const void* address) {
  std::ostringstream begin;
  begin << std::hex << reinterpret_cast<std::uintptr_t>(address) << '-';
  std::ifstream maps("/proc/self/smaps");
  bool is_it = false;
  for (std::string line; std::getline(maps, line);) {
    if (line.find('-') < line.find(' ')) is_it = line.starts_with(begin.str());
    if (is_it && line.starts_with("VmFlags:")) return line + " ";
  }
  return "";
}

/// While it lives, the memory of hashes of this size is kept.
struct Kept {
  explicit Kept(std::size_t kib) { hash_memory::keep(kib); }
  ~Kept() {
    hash_memory::release_unused();
    hash_memory::release_unused();
    hash_memory::keep(0);
  }
  Kept(const Kept&) = delete;
  Kept& operator=(const Kept&) = delete;
};

struct Sodium {
  Sodium() { crypto::start(); }
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(hash_memory, Sodium)

BOOST_AUTO_TEST_CASE(memory_for_a_hash_begins_at_a_huge_page_and_asks_for_them) {
  void* large = map(kSize);
  BOOST_TEST(reinterpret_cast<std::uintptr_t>(large) % (2U << 20U) == 0U);
  // A kernel without huge pages does not know the flag.
  const bool has_huge_pages = std::ifstream("/sys/kernel/mm/transparent_hugepage/enabled").good();
  BOOST_TEST(contains(flags_at(large), " hg ") == has_huge_pages);
  BOOST_TEST(::munmap(large, kSize) == 0);
  BOOST_TEST(flags_at(large) == "");
  void* small = map(4096);
  BOOST_TEST(!contains(flags_at(small), " hg "));
  ::munmap(small, 4096);
}

BOOST_AUTO_TEST_CASE(what_is_kept_is_wiped_and_used_again) {
  const Kept kept(kKib);
  auto* first = static_cast<char*>(map(kSize));
  first[0] = first[kSize - 1] = 'x';
  BOOST_TEST(::munmap(first, kSize) == 0);
  BOOST_TEST(flags_at(first) != "");
  auto* second = static_cast<char*>(map(kSize));
  BOOST_TEST(static_cast<void*>(second) == static_cast<void*>(first));
  BOOST_TEST(std::all_of(second, second + kSize, [](char c) { return c == 0; }));
  BOOST_TEST(::munmap(second, kSize) == 0);
}

BOOST_AUTO_TEST_CASE(it_is_given_back_once_unused_and_for_a_hash_of_another_size) {
  const Kept kept(kKib + 3);  // argon2 rounds down
  void* memory = map(kSize);
  ::munmap(memory, kSize);
  users::hash_memory::release_unused();  // used since the last call
  BOOST_TEST(flags_at(memory) != "");
  users::hash_memory::release_unused();
  BOOST_TEST(flags_at(memory) == "");
  memory = map(kSize);
  ::munmap(memory, kSize);
  void* other = map(2 * kSize);
  const bool is_in_place = memory >= other && memory < static_cast<char*>(other) + 2 * kSize;
  BOOST_TEST((is_in_place || flags_at(memory).empty()));
  ::munmap(other, 2 * kSize);
}

BOOST_AUTO_TEST_CASE(it_is_given_back_for_a_hash_that_fills_no_whole_pages) {
  const Kept kept(kKib);  // such as yescrypt's
  void* memory = map(kSize);
  ::munmap(memory, kSize);
  constexpr std::size_t kOdd = (16U << 20U) + 24 * 1024 + 32;
  void* other = map(kOdd);
  BOOST_TEST(flags_at(memory) == "");
  BOOST_TEST(::munmap(other, kOdd) == 0);
  BOOST_TEST(flags_at(other) == "");
}

BOOST_AUTO_TEST_CASE(what_cannot_be_mapped_or_unmapped_fails_as_usual) {
  const Kept kept(kKib);
  BOOST_TEST(map(SIZE_MAX - 4095) == MAP_FAILED);
  BOOST_TEST(errno == ENOMEM);
  BOOST_TEST(::munmap(nullptr, 0) == -1);
  BOOST_TEST(errno == EINVAL);
  BOOST_TEST(::munmap(nullptr, kSize) == 0);  // there is nothing at these addresses
}

BOOST_AUTO_TEST_CASE(a_mapping_of_the_same_size_that_is_no_hashs_is_unmapped) {
  const Kept kept(kKib);
  void* memory = ::mmap(nullptr, kSize, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  BOOST_TEST(::munmap(memory, kSize) == 0);
  BOOST_TEST(flags_at(memory) == "");
}

BOOST_AUTO_TEST_CASE(
    hashes_are_the_same_with_it_in_several_threads_and_where_huge_pages_are_refused) {
  const Kept kept(kKib);
  const crypto::PasswordCost costs[] = {{kKib, 2}, {kKib, 1}, {2 * kKib, 1}, {64, 1}};
  const auto hash_all = [&] {
    for (const crypto::PasswordCost cost : costs) {
      const Secret password("correct horse 42"sv);
      const std::string phc = crypto::hash_password(password, cost);
      if (!crypto::verify_password(password, phc)) return 1;
      if (crypto::verify_password(Secret("correct horse 43"sv), phc)) return 1;
    }
    return 0;
  };
  BOOST_TEST(hash_all() == 0);
  std::atomic<int> wrong{0};
  {
    std::vector<std::jthread> threads(3);
    for (std::jthread& thread : threads) thread = std::jthread([&] { wrong += hash_all(); });
  }
  BOOST_TEST(wrong == 0);
  BOOST_TEST(run_children(1, [&] {
               ::prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0);
               return hash_all();
             }) == 0);
}

BOOST_AUTO_TEST_CASE(a_hash_without_memory_fails_and_the_next_succeeds) {
  BOOST_TEST(run_children(1, [] {
               const Kept kept(kKib);
               rlimit limit{};
               ::getrlimit(RLIMIT_AS, &limit);
               const rlimit least{16UL << 20U, limit.rlim_max};
               ::setrlimit(RLIMIT_AS, &least);
               bool is_refused = false;
               try {
                 crypto::hash_password(Secret("correct horse 42"sv), {kKib, 1});
               } catch (const std::bad_alloc&) {
                 is_refused = true;
               }
               ::setrlimit(RLIMIT_AS, &limit);
               crypto::hash_password(Secret("correct horse 42"sv), {kKib, 1});
               return is_refused ? 0 : 1;
             }) == 0);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace users::test

#endif
