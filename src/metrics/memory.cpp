#include "metrics/memory.hpp"

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <filesystem>
#include <new>
#include <string_view>
#include <system_error>
#include <thread>

#include <fcntl.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.hpp"

namespace users {
namespace {

[[noreturn]] void fail(const char* what) {
  throw std::system_error(errno, std::generic_category(), what);
}

bool is_printable(std::string_view text) {
  return !text.empty() && std::ranges::all_of(text, [](char c) { return c >= ' ' && c <= '~'; });
}

/// What begin() makes, and slots that a reader can trust.
bool is_sound(const MetricsLayout& layout) {
  if (layout.magic != MetricsLayout::kMagic || layout.version != MetricsLayout::kVersion ||
      layout.slot_count != MetricsLayout::kSlots ||
      layout.worker_count != MetricsLayout::kWorkers) {
    return false;
  }
  const std::uint32_t used = layout.used.load(std::memory_order_acquire);
  if (used > MetricsLayout::kSlots) return false;
  return std::all_of(layout.slots.begin(), layout.slots.begin() + used,
                     [](const MetricSlot& slot) { return users::is_sound(slot); });
}

void begin(MetricsLayout& layout) {
  layout.magic = MetricsLayout::kMagic;
  layout.version = MetricsLayout::kVersion;
  layout.slot_count = MetricsLayout::kSlots;
  layout.worker_count = MetricsLayout::kWorkers;
}

MetricsLayout* map(int descriptor, int protection = PROT_READ | PROT_WRITE) {
  const int flags = descriptor < 0 ? MAP_PRIVATE | MAP_ANONYMOUS : MAP_SHARED;
  void* memory = ::mmap(nullptr, sizeof(MetricsLayout), protection, flags, descriptor, 0);
  if (memory == MAP_FAILED) fail("mmap");
  return static_cast<MetricsLayout*>(memory);
}

void unmap(MetricsLayout* layout) {
  ::munmap(layout, sizeof(MetricsLayout));
}

/// The mapping of a file that this process uses, for the signal handler.
std::atomic<std::uintptr_t> mapped{0};
std::atomic<bool> was_cut{false};
std::uintptr_t page_size = 0;

/// SIGBUS: the file was made shorter, which would end every process that maps it. The page that is
/// gone becomes one of this process's own.
extern "C" void replace_lost_page(int number, siginfo_t* info, void* /*context*/) {
  const auto at = reinterpret_cast<std::uintptr_t>(info->si_addr);
  const std::uintptr_t begin = mapped.load();
  if (begin != 0 && at >= begin && at < begin + sizeof(MetricsLayout)) {
    void* page = reinterpret_cast<void*>(at - at % page_size);
    if (::mmap(page, page_size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1,
               0) != MAP_FAILED) {
      was_cut = true;
      return;
    }
  }
  static_cast<void>(::signal(number, SIG_DFL));  // it comes again, and ends the process
}

void survive_cuts(MetricsLayout* layout) {
  page_size = static_cast<std::uintptr_t>(::sysconf(_SC_PAGESIZE));
  mapped = reinterpret_cast<std::uintptr_t>(layout);
  struct sigaction action {};
  action.sa_sigaction = replace_lost_page;
  action.sa_flags = SA_SIGINFO;
  ::sigaction(SIGBUS, &action, nullptr);
}

constexpr mode_t kSharedMode = 0660;

/// Whether the file lies in a folder that its group shares (2770): the workers and a courier of a
/// user of its own.
bool is_shared(const std::string& file) {
  const std::string folder = std::filesystem::path(file).parent_path();
  constexpr mode_t kShared = S_ISGID | S_IRWXG;
  struct stat status {};
  return ::stat(folder.c_str(), &status) == 0 && (status.st_mode & kShared) == kShared &&
         (status.st_mode & S_IRWXO) == 0;
}

/// Releases up to 0.4.0 map the file to here.
constexpr off_t kShortSize = offsetof(MetricsLayout, details);

/// True if the file is the service's own.
bool is_own(const std::string& file, const struct stat& status) {
  const mode_t mode = status.st_mode & 07777U;
  if (!S_ISREG(status.st_mode)) return false;
  return is_shared(file) ? mode == kSharedMode
                         : status.st_uid == ::geteuid() && (mode & 07177U) == 0;
}

/// True if it is of full size, too: reading beyond the end of a shorter one raises SIGBUS. One of
/// an earlier release, which is still in use, is made longer.
bool is_usable(const std::string& file, int descriptor) {
  struct stat status {};
  if (::fstat(descriptor, &status) != 0 || !is_own(file, status)) return false;
  constexpr off_t kSize = sizeof(MetricsLayout);
  return status.st_size == kSize ||
         (status.st_size == kShortSize && ::posix_fallocate(descriptor, 0, kSize) == 0);
}

/// Another process may have put a new file there since this one was opened.
bool is_still_at(const std::string& file, int descriptor) {
  struct stat opened {};
  struct stat named {};
  return ::fstat(descriptor, &opened) == 0 && ::lstat(file.c_str(), &named) == 0 &&
         opened.st_dev == named.st_dev && opened.st_ino == named.st_ino;
}

/// Makes a whole new file and gives it the name: in place of what has it, or only where nothing
/// has it.
void make_file(const std::string& file, bool replace) {
  std::string temporary = file + ".XXXXXX";
  const int descriptor = ::mkostemp(temporary.data(), O_CLOEXEC);
  if (descriptor < 0) fail("cannot be made");
  // Blocks that are not there when the file system is full would end whoever writes to them.
  int error = ::posix_fallocate(descriptor, 0, sizeof(MetricsLayout));
  if (error == 0 && is_shared(file) && ::fchmod(descriptor, kSharedMode) != 0) error = errno;
  if (error == 0) {
    MetricsLayout* layout = map(descriptor);
    begin(*layout);
    unmap(layout);
    const bool named = replace ? ::rename(temporary.c_str(), file.c_str()) == 0
                               : ::link(temporary.c_str(), file.c_str()) == 0 || errno == EEXIST;
    error = named ? 0 : errno;
  }
  ::close(descriptor);
  ::unlink(temporary.c_str());  // after a rename there is none
  errno = error;
  if (error != 0) fail("cannot be made");
}

/// One look at the file: its mapping, or null where it was made anew and is to be opened again.
MetricsLayout* try_open(const std::string& file, int& descriptor) {
  descriptor = ::open(file.c_str(), O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);
  if (descriptor < 0) {
    if (errno != ENOENT) fail("cannot be opened");
    make_file(file, false);
    return nullptr;
  }
  // Of two that find it bad one makes it anew and the other sees that.
  const BriefLock lock(descriptor);
  if (!lock.held()) fail("is locked by another process");
  if (!is_still_at(file, descriptor)) return nullptr;
  if (is_usable(file, descriptor)) {
    MetricsLayout* layout = map(descriptor);
    if (is_sound(*layout)) return layout;
    unmap(layout);
  }
  log::warning({"metrics: ", file, " is damaged or of another release; counting starts anew"});
  make_file(file, true);
  return nullptr;
}

}  // namespace

bool is_sound(const MetricSlot& slot) {
  return (slot.kind == 1 || slot.kind == 2) && slot.key_size <= MetricSlot::kLongestKey &&
         is_printable({slot.key.data(), slot.key_size});
}

MetricsMemory::MetricsMemory() {
  map_private();
}

MetricsMemory::MetricsMemory(const std::string& file) {
  constexpr int kMostTries = 10;
  try {
    for (int i = 0; i < kMostTries; ++i) {
      layout_ = try_open(file, descriptor_);
      if (layout_ != nullptr) {
        survive_cuts(layout_);
        return;
      }
      if (descriptor_ >= 0) ::close(descriptor_);
      descriptor_ = -1;
    }
    throw std::runtime_error("is replaced again and again");
  } catch (const std::exception& error) {
    if (descriptor_ >= 0) ::close(descriptor_);
    descriptor_ = -1;
    log::warning({"metrics: ", file, ": ", error.what(),
                  "; this process counts for itself: correct metrics.file and reload"});
    map_private();
  }
}

MetricsMemory::MetricsMemory(const std::string& file, ToRead) {
  descriptor_ = ::open(file.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);
  if (descriptor_ < 0) throw std::runtime_error(std::generic_category().message(errno));
  struct stat status {};
  if (::fstat(descriptor_, &status) == 0 && is_own(file, status) && status.st_size >= kShortSize) {
    layout_ = map(descriptor_, PROT_READ);
    survive_cuts(layout_);  // what is not there reads as 0
    if (is_sound(*layout_)) return;
    unmap(layout_);
  }
  ::close(descriptor_);
  throw std::runtime_error("is of another release, or not of this user's service");
}

MetricsMemory::~MetricsMemory() {
  auto own = reinterpret_cast<std::uintptr_t>(layout_);
  mapped.compare_exchange_strong(own, 0);
  unmap(layout_);
  if (descriptor_ >= 0) ::close(descriptor_);
}

bool MetricsMemory::is_cut() const {
  return descriptor_ >= 0 && was_cut;
}

void MetricsMemory::map_private() {
  layout_ = map(-1);
  begin(*layout_);
}

BriefLock::BriefLock(int descriptor) : descriptor_(descriptor), held_(descriptor < 0) {
  constexpr int kMostTries = 50;
  for (int i = 0; !held_ && i < kMostTries; ++i) {
    held_ = ::flock(descriptor_, LOCK_EX | LOCK_NB) == 0;
    if (!held_) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
}

BriefLock::~BriefLock() {
  if (held_ && descriptor_ >= 0) ::flock(descriptor_, LOCK_UN);
}

}  // namespace users
