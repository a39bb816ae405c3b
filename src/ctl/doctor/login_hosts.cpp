// doctor: the hosts of the sites.
#include "ctl/doctor/site.hpp"

namespace users::ctl {
namespace {

/// Browsers refuse a cookie for a domain that the host does not belong to.
Finding judge_cookie_domain(const std::string& domain, const std::vector<Site>& sites) {
  if (domain.empty()) return ok("the cookie is of one host");
  for (const Site& site : sites) {
    for (const Directive* line : own(*site.server, "server_name")) {
      for (auto name = line->words.begin() + 1; name != line->words.end(); ++name) {
        const bool is_pattern = name->starts_with('~') || name->find('.') == std::string::npos;
        if (is_pattern || *name == domain || name->ends_with("." + domain)) continue;
        return warning("server_name " + *name + " of " + line->file +
                           " is not below session.cookie_domain, " + domain +
                           ": browsers do not keep the cookie there",
                       "correct one of the two, or serve that name by a server without users.conf");
      }
    }
  }
  return ok("every server_name is below " + domain);
}

}  // namespace

void check_hosts(Diagnosis& d, const NginxTree& /*tree*/, const std::vector<Site>& sites) {
  if (!d.config) return;
  d.add("cookie domain", judge_cookie_domain(d.config->session_cookie_domain, sites));
}

}  // namespace users::ctl
