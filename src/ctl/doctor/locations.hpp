// What the checks of nginx's locations share.
#pragma once

#include <set>
#include <string>
#include <string_view>

#include "ctl/doctor/doctor.hpp"
#include "ctl/doctor/nginx_tree.hpp"

namespace users::ctl {

/// How nginx passes requests on, and where it writes who the client is.
struct Protocol {
  std::string_view name;    ///< `NAME_pass` passes a request on
  std::string_view header;  ///< the directive that sets a header or a parameter
  std::string_view id;
  std::string_view phone;
};

inline constexpr Protocol kProtocols[] = {
    {"proxy", "proxy_set_header", "X-User-Id", "X-User-Phone"},
    {"grpc", "grpc_set_header", "X-User-Id", "X-User-Phone"},
    {"fastcgi", "fastcgi_param", "HTTP_X_USER_ID", "HTTP_X_USER_PHONE"},
    {"uwsgi", "uwsgi_param", "HTTP_X_USER_ID", "HTTP_X_USER_PHONE"},
    {"scgi", "scgi_param", "HTTP_X_USER_ID", "HTTP_X_USER_PHONE"}};

/// Whether a block passes requests on by this protocol.
bool passes_on(const Directive& block, const Protocol& protocol);

/// Whether nginx sets this header or parameter for a block's backend, and not to what the client
/// sent.
bool sets(const Directive& block, const Protocol& protocol, std::string_view name);

/// The rows of one check: one for each fault, at most ten.
class Faults {
 public:
  Faults(Diagnosis& d, std::string check) : report_(d.report), check_(std::move(check)) {}

  void warning(const std::string& found, std::string advice) {
    if (is_next(found)) report_.warning(check_, found, std::move(advice));
  }
  void problem(const std::string& found, std::string advice) {
    if (is_next(found)) report_.problem(check_, found, std::move(advice));
  }
  /// If there was none: says so, or that not all could be read.
  void finish(const std::string& unread, const std::string& found) {
    if (!seen_.empty()) return;
    if (unread.empty()) {
      report_.ok(check_, found);
    } else {
      report_.skipped(check_, unread);
    }
  }

 private:
  /// A file that two servers include has its faults twice.
  bool is_next(const std::string& found) { return seen_.size() < 10 && seen_.insert(found).second; }

  Report& report_;
  std::string check_;
  std::set<std::string> seen_;
};

// The faults of one site, a check each.
void find_openings(Faults& faults, const Site& site);
void find_caches(Faults& faults, const Site& site);
void find_early_data(Faults& faults, const Site& site);
void find_lost_limits(Faults& faults, const Site& site);

}  // namespace users::ctl
