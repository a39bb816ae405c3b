// An nginx whose site had a life of its own before it included ours.
#pragma once

#include <string>

#include "support/daemon.hpp"

namespace users::test {

/// A server block that sets for itself whatever a location would inherit (its own check, error
/// pages, headers, parameters, caches, limits), on two sockets: as it is, and by TLS with HTTP/2.
/// It protects /upload/, which takes up to 10 MB.
class ForeignSite {
 public:
  ForeignSite();
  /// For send().
  [[nodiscard]] std::string plain() const { return "unix:" + folder_ + "/plain.sock"; }
  [[nodiscard]] std::string secure() const { return "tls:" + folder_ + "/tls.sock"; }
  [[nodiscard]] const std::string& folder() const { return folder_; }

 private:
  std::string folder_;
  Daemon nginx_;
};

}  // namespace users::test
