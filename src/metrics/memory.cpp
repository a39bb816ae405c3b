#include "metrics/memory.hpp"

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <filesystem>
#include <stdexcept>
#include <string_view>
#include <thread>

#include <fcntl.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.hpp"

namespace users {
namespace {

bool is_printable(std::string_view text) {
  return !text.empty() && std::ranges::all_of(text, [](char c) { return c >= ' ' && c <= '~'; });
}

/// Returns true if the header is as begin() writes it and every slot is safe to read.
bool is_sound(const MetricsLayout& layout) {
  const std::uint32_t used = layout.used.load(std::memory_order_acquire);
  return layout.magic == MetricsLayout::kMagic && layout.version == MetricsLayout::kVersion &&
         layout.slot_count == MetricsLayout::kSlots &&
         layout.worker_count == MetricsLayout::kWorkers && used <= MetricsLayout::kSlots &&
         std::all_of(layout.slots.begin(), layout.slots.begin() + used,
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
  if (memory == MAP_FAILED) throw_errno("mmap");
  return static_cast<MetricsLayout*>(memory);
}

void unmap(MetricsLayout* layout) {
  ::munmap(layout, sizeof(MetricsLayout));
}

/// The file mapping of this process, for the signal handler.
std::atomic<std::uintptr_t> mapped{0};
std::atomic<bool> was_cut{false};
std::uintptr_t page_size = 0;

/// SIGBUS: the file was truncated, which would end every process that maps it. Replaces the missing
/// page with a private one.
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
  static_cast<void>(::signal(number, SIG_DFL));  // the signal comes again and ends the process
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

/// Returns true if the file's folder is shared by its group (2770): by the workers and a courier
/// that runs as another user.
bool is_shared(const std::string& file) {
  const std::string folder = std::filesystem::path(file).parent_path();
  constexpr mode_t kShared = S_ISGID | S_IRWXG;
  struct stat status {};
  return ::stat(folder.c_str(), &status) == 0 && (status.st_mode & kShared) == kShared &&
         (status.st_mode & S_IRWXO) == 0;
}

/// Releases up to 0.4.0 map the file only up to here.
constexpr off_t kShortSize = offsetof(MetricsLayout, details);

/// Returns true if the file belongs to the service.
bool is_own(const std::string& file, const struct stat& status) {
  const mode_t mode = status.st_mode & 07777U;
  if (!S_ISREG(status.st_mode)) return false;
  return is_shared(file) ? mode == kSharedMode
                         : status.st_uid == ::geteuid() && (mode & 07177U) == 0;
}

/// As is_own(), and of full size: reading beyond the end of a shorter file raises SIGBUS. A file of
/// an earlier release, which may still use it, is extended.
bool is_usable(const std::string& file, int descriptor) {
  struct stat status {};
  if (::fstat(descriptor, &status) != 0 || !is_own(file, status)) return false;
  constexpr off_t kSize = sizeof(MetricsLayout);
  return status.st_size == kSize ||
         (status.st_size == kShortSize && ::posix_fallocate(descriptor, 0, kSize) == 0);
}

/// Returns false if another process has replaced the file since it was opened.
bool is_still_at(const std::string& file, int descriptor) {
  struct stat opened {};
  struct stat named {};
  return ::fstat(descriptor, &opened) == 0 && ::lstat(file.c_str(), &named) == 0 &&
         opened.st_dev == named.st_dev && opened.st_ino == named.st_ino;
}

/// Creates a complete new file under this name. Unless `replace` is set, an existing file stays.
void make_file(const std::string& file, bool replace) {
  std::string temporary = file + ".XXXXXX";
  const Descriptor descriptor(::mkostemp(temporary.data(), O_CLOEXEC));
  if (descriptor.get() < 0) throw_errno("cannot be made");
  // Reserve the blocks: if the file system is full, writing to a missing one would end the process.
  int error = ::posix_fallocate(descriptor.get(), 0, sizeof(MetricsLayout));
  if (error == 0 && is_shared(file) && ::fchmod(descriptor.get(), kSharedMode) != 0) error = errno;
  if (error == 0) {
    MetricsLayout* layout = map(descriptor.get());
    begin(*layout);
    unmap(layout);
    const bool named = replace ? ::rename(temporary.c_str(), file.c_str()) == 0
                               : ::link(temporary.c_str(), file.c_str()) == 0 || errno == EEXIST;
    if (!named) error = errno;
  }
  ::unlink(temporary.c_str());  // gone already after a rename
  errno = error;
  if (error != 0) throw_errno("cannot be made");
}

constexpr int kOpenFlags = O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY;

/// One attempt: returns the mapping, or null if the file is new and must be opened again.
MetricsLayout* try_open(const std::string& file, Descriptor& descriptor) {
  descriptor = Descriptor(::open(file.c_str(), O_RDWR | kOpenFlags));
  if (descriptor.get() < 0) {
    if (errno != ENOENT) throw_errno("cannot be opened");
    make_file(file, false);
    return nullptr;
  }
  // If two processes find the file bad, one replaces it and the other notices.
  const BriefLock lock(descriptor.get());
  if (!lock.held()) throw_errno("is locked by another process");
  if (!is_still_at(file, descriptor.get())) return nullptr;
  if (is_usable(file, descriptor.get())) {
    MetricsLayout* layout = map(descriptor.get());
    if (is_sound(*layout)) return layout;
    unmap(layout);
  }
  log::warning({"metrics: ", file, " is damaged or of another release; counting starts again"});
  make_file(file, true);
  return nullptr;
}

MetricsLayout* make_private() {
  MetricsLayout* layout = map(-1);
  begin(*layout);
  return layout;
}

}  // namespace

bool is_sound(const MetricSlot& slot) {
  return (slot.kind == 1 || slot.kind == 2) && slot.key_size <= MetricSlot::kLongestKey &&
         is_printable({slot.key.data(), slot.key_size});
}

MetricsMemory::MetricsMemory() : layout_(make_private()) {}

MetricsMemory::MetricsMemory(const std::string& file) {
  constexpr int kMostTries = 10;
  try {
    for (int i = 0; layout_ == nullptr; ++i) {
      if (i == kMostTries) throw std::runtime_error("is replaced all the time");
      layout_ = try_open(file, descriptor_);
    }
    survive_cuts(layout_);
  } catch (const std::exception& error) {
    descriptor_.close();
    log::warning({"metrics: ", file, ": ", error.what(),
                  "; this process counts on its own: correct metrics.file and restart"});
    layout_ = make_private();
  }
}

MetricsMemory::MetricsMemory(const std::string& file, ToRead)
    : descriptor_(::open(file.c_str(), O_RDONLY | kOpenFlags)) {
  if (descriptor_.get() < 0) throw std::runtime_error(errno_text());
  struct stat status {};
  if (::fstat(descriptor_.get(), &status) == 0 && is_own(file, status) &&
      status.st_size >= kShortSize) {
    layout_ = map(descriptor_.get(), PROT_READ);
    survive_cuts(layout_);  // missing parts read as 0
    if (is_sound(*layout_)) return;
    unmap(layout_);
  }
  throw std::runtime_error("belongs to another release or another user's service");
}

MetricsMemory::~MetricsMemory() {
  auto own = reinterpret_cast<std::uintptr_t>(layout_);
  mapped.compare_exchange_strong(own, 0);
  unmap(layout_);
}

bool MetricsMemory::is_cut() const {
  return descriptor() >= 0 && was_cut;
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
