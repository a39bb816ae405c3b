#include "base/secret.hpp"

#include <cstring>
#include <stdexcept>
#include <utility>

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/descriptor.hpp"

namespace users {
namespace {

constexpr std::size_t kLargestSecret = 4096;

void require_private(int fd) {
  struct stat status {};
  if (::fstat(fd, &status) != 0) throw std::runtime_error(errno_text());
  if (!S_ISREG(status.st_mode)) throw std::runtime_error("is not a regular file");
  if ((status.st_mode & 07177U) != 0) throw std::runtime_error("is open to others: chmod 0600 it");
}

}  // namespace

void wipe(std::string& value) noexcept {
  ::explicit_bzero(value.data(), value.size());
  value.clear();
}

// Copied and wiped, not moved: the bytes of a short string are inside the object, so a move leaves
// them.
Secret::Secret(std::string&& value) noexcept : value_(value) {
  wipe(value);
}

Secret& Secret::operator=(Secret&& other) noexcept {
  if (this == &other) return *this;
  wipe(value_);
  value_ = other.value_;
  wipe(other.value_);
  return *this;
}

Secret::~Secret() {
  wipe(value_);
}

Secret read_secret_file(const std::filesystem::path& file) {
  const Descriptor fd(::open(file.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK));
  if (fd.get() < 0) throw std::runtime_error("cannot be opened: " + errno_text());
  require_private(fd.get());
  std::string text(kLargestSecret + 1, '\0');
  std::size_t size = 0;
  while (size < text.size()) {
    const ssize_t got = ::read(fd.get(), text.data() + size, text.size() - size);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) throw std::runtime_error("cannot be read: " + errno_text());
    if (got == 0) break;
    size += static_cast<std::size_t>(got);
  }
  text.resize(size);
  if (text.ends_with('\n')) text.pop_back();
  Secret secret(std::move(text));
  if (size > kLargestSecret) throw std::runtime_error("is longer than 4096 bytes");
  if (secret.reveal().empty()) throw std::runtime_error("is empty: write the secret into it");
  return secret;
}

void forbid_core_dumps() {
  ::prctl(PR_SET_DUMPABLE, 0);
}

}  // namespace users
