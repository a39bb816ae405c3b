// An nginx with a configuration of the test's own around the shipped includes.
#pragma once

#include <string>

#include "support/daemon.hpp"

namespace users::test {

/// Starts one in a folder of its own, whose name stands for @FOLDER@ in the texts. `http` holds
/// what the site has in its http block beside users_http.conf and users_site.conf, the servers
/// among it; one listens on @FOLDER@/plain.sock, and one by TLS on @FOLDER@/tls.sock, for which
/// there are @FOLDER@/cert.pem and key.pem. Throws where it does not start.
class NginxSite {
 public:
  explicit NginxSite(const std::string& http);
  /// For send().
  [[nodiscard]] std::string plain() const { return "unix:" + folder_ + "/plain.sock"; }
  [[nodiscard]] std::string secure() const { return "tls:" + folder_ + "/tls.sock"; }
  [[nodiscard]] const std::string& folder() const { return folder_; }

 private:
  std::string folder_;
  Daemon nginx_;
};

}  // namespace users::test
