// A separate nginx with the shipped includes, in front of the stack's pools or others.
#pragma once

#include <string>

#include "support/daemon.hpp"
#include "support/stack.hpp"

namespace users::test {

/// Starts nginx in its own folder, which replaces @FOLDER@ in the texts. `http` is added to an http
/// block that includes users_http.conf and users_site.conf; its servers listen on
/// @FOLDER@/plain.sock and, optionally with TLS, on @FOLDER@/tls.sock, with the certificate
/// @FOLDER@/cert.pem and key.pem. `run` is the folder of the pools' sockets; `cached` installs
/// users_check_cache.conf.example. Throws if nginx does not start.
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

/// A site set up as the README says. Protects /private/, and also speaks HTTP/2 without TLS on
/// http2.sock in its folder.
class Site : public NginxSite {
 public:
  explicit Site(const std::string& run, bool cached = false);
};

}  // namespace users::test
