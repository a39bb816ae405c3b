// A file descriptor that is closed on destruction.
#pragma once

#include <unistd.h>

namespace users {

class Descriptor {
 public:
  /// Takes ownership of `fd`; a negative one means none.
  explicit Descriptor(int fd) : fd_(fd) {}
  ~Descriptor() {
    if (fd_ >= 0) ::close(fd_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  [[nodiscard]] int get() const { return fd_; }

 private:
  int fd_;
};

}  // namespace users
