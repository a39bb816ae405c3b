// An nginx of a test's own around the shipped includes, in front of the stack's pools or others.
#pragma once

#include <string>

#include "support/daemon.hpp"
#include "support/stack.hpp"

namespace users::test {

/// Starts one in a folder of its own, whose name stands for @FOLDER@ in the texts. `http` holds
/// what the site has in its http block beside users_http.conf and users_site.conf, the servers
/// among it; one listens on @FOLDER@/plain.sock, and one may by TLS on @FOLDER@/tls.sock, for which
/// there are @FOLDER@/cert.pem and key.pem. `run` is the folder of the pools' sockets; `cached`:
/// with users_auth_cache.conf.example in place. Throws where it does not start.
class NginxSite {
 public:
  explicit NginxSite(const std::string& http, const std::string& run = run_folder(),
                     bool cached = false);
  /// For send().
  [[nodiscard]] std::string plain() const { return "unix:" + folder_ + "/plain.sock"; }
  [[nodiscard]] std::string secure() const { return "tls:" + folder_ + "/tls.sock"; }
  [[nodiscard]] const std::string& folder() const { return folder_; }

 private:
  std::string folder_;
  Daemon nginx_;
};

/// Set up as the README tells a site to. It protects /private/, and speaks HTTP/2 without TLS on
/// http2.sock of its folder, too.
class Site : public NginxSite {
 public:
  explicit Site(const std::string& run, bool cached = false);
  /// For send().
  [[nodiscard]] std::string base_url() const { return plain(); }
};

}  // namespace users::test
