// doctor: the hosts of the sites, and where they log in.
#include <algorithm>
#include <map>

#include <boost/algorithm/string/case_conv.hpp>
#include <boost/algorithm/string/join.hpp>

#include "ctl/doctor/site.hpp"

namespace users::ctl {
namespace {

bool is_below(const std::string& host, const std::string& domain) {
  const std::string name = boost::to_lower_copy(host);
  const std::string end = boost::to_lower_copy(domain);
  return name == end || name.ends_with("." + end);
}

/// Browsers refuse a cookie for a domain that the host does not belong to.
Finding judge_cookie_domain(const std::string& domain, const std::vector<Site>& sites) {
  if (domain.empty()) return ok("the cookie is of one host");
  std::vector<std::string> outside;
  for (const Site& site : sites) {
    for (const Directive* line : own(*site.server, "server_name")) {
      for (auto name = line->words.begin() + 1; name != line->words.end(); ++name) {
        const bool is_pattern = name->starts_with('~') || name->find('.') == std::string::npos;
        if (!is_pattern && !is_below(*name, domain)) outside.push_back(*name + " of " + line->file);
      }
    }
  }
  if (outside.empty()) return ok("every server_name is below " + domain);
  return warning("server_name " + boost::join(outside, ", ") +
                     " is not below session.cookie_domain, " + domain +
                     ": browsers do not keep the cookie there",
                 "correct one of the two, or serve that name by a server without users.conf");
}

/// A line of users_login_hosts.conf.
struct LoginHost {
  const Directive* line;
  std::string host;
  std::string login;  ///< its host; empty if the value is none
};

/// The host of an address without path; empty if it is none.
std::string host_of_address(const std::string& address) {
  const Pattern form{"~", R"(^https://([^/:\s$?#]+|\[[^\]/\s]+\])(:\d+)?\z)"};
  if (!matches(form, address).value_or(false)) return "";
  const std::string host = address.substr(std::string_view("https://").size());
  const auto bracket = host.find(']');
  return host.substr(0, host.find(':', bracket == std::string::npos ? 0 : bracket));
}

/// Reads the lines by host.
std::map<std::string, LoginHost> find_login_hosts(const NginxTree& tree) {
  std::map<std::string, LoginHost> hosts;
  for (const Directive& one : tree.all) {
    if (one.around == nullptr || !is(*one.around, {"map", "$host"})) continue;
    if (one.around->words.size() < 3 || !one.around->words[2].starts_with("$users_login")) continue;
    if (is_any(one, {"default", "include", "hostnames", "volatile"})) continue;
    const std::string host = boost::to_lower_copy(one.words[0]);
    const std::string value = one.words.size() > 1 ? boost::to_lower_copy(one.words[1]) : "";
    hosts[host] = {&one, host, host_of_address(value)};
  }
  return hosts;
}

/// What is wrong with one of the lines; `ok` if nothing is.
Finding judge_login_host(const LoginHost& one, const std::map<std::string, LoginHost>& all,
                         const std::string& domain) {
  const std::string name = boost::join(one.line->words, " ") + " of " + one.line->file;
  if (domain.empty()) {
    return problem(name + " needs session.cookie_domain: a login at another host does not count",
                   "set cookie_domain in [session], or remove that line");
  }
  if (one.login.empty()) {
    return problem(name + " has no address of a host as its value",
                   "write: " + one.host + " https://HOST;  without a path and a slash at the end");
  }
  if (all.contains(one.login)) {
    return problem(
        name + ": " + one.login + " itself logs in at another host, so nobody can log in",
        "remove the line of " + one.login);
  }
  const bool is_pattern = one.host.starts_with('~');
  for (const std::string& host : {is_pattern ? domain : one.host, one.login}) {
    if (is_below(host, domain)) continue;
    return warning(name + ": " + host + " is not below session.cookie_domain, " + domain +
                       ": browsers do not send the cookie there",
                   "correct one of the two, or remove that line");
  }
  return ok("");
}

}  // namespace

void check_hosts(Diagnosis& d, const NginxTree& tree, const std::vector<Site>& sites) {
  if (!d.config) return;
  const std::string& domain = d.config->session_cookie_domain;
  d.add("cookie domain", judge_cookie_domain(domain, sites));
  const auto hosts = find_login_hosts(tree);
  for (const auto& [host, one] : hosts) {
    const Finding finding = judge_login_host(one, hosts, domain);
    if (finding.state != State::ok) d.add("cookie domain", finding);
  }
}

}  // namespace users::ctl
