// doctor: the site's own locations, those that a session protects and those that pass requests on.
#include <algorithm>

#include "programs/ctl/doctor.hpp"
#include "programs/ctl/nginx_conf.hpp"

namespace users::ctl {
namespace {

using Directives = std::vector<Directive>;

bool includes(const Directive& one, std::string_view file) {
  return is(one, {"include"}) && one.words.size() == 2 && one.words[1].ends_with(file);
}

/// The innermost location around a directive in its file; empty where there is none.
std::string location_of(const Directive& directive) {
  const auto found =
      std::ranges::find_if(directive.within.rbegin(), directive.within.rend(),
                           [](const auto& one) { return one.starts_with("location "); });
  return found == directive.within.rend() ? "" : *found;
}

/// Whether a backend of a site that protects something can be told a name by the client itself.
void check_identity(Diagnosis& d, const Directives& all) {
  const bool protects = std::ranges::any_of(
      all, [&](const Directive& one) { return includes(one, "/users_auth.conf"); });
  for (const Directive& pass : all) {
    const std::string location = location_of(pass);
    if (!protects || location.empty() || pass.words.empty() || !pass.words[0].ends_with("_pass")) {
      continue;
    }
    // Other sites of this nginx have backends that trust nobody's X-User-Id.
    const bool is_sites = std::ranges::any_of(all, [&](const Directive& one) {
      return one.file == pass.file && includes(one, "/users.conf");
    });
    const bool strips = std::ranges::any_of(all, [&](const Directive& one) {
      return one.file == pass.file && one.within == pass.within &&
             (includes(one, "/users_strip.conf") || includes(one, "/users_auth.conf"));
    });
    if (!is_sites || strips) continue;
    return d.report.warning(
        "nginx identity",
        location + " of " + pass.file + " passes a client's own X-User-Id on to its backend",
        "write into it: include snippets/users-fcgi/users_strip.conf;");
  }
  d.report.ok("nginx identity", protects ? "no client says who it is" : "nothing is protected");
}

/// What every path that a regular expression of nginx matches begins with, as far as that is plain.
std::string beginning_of(std::string_view expression) {
  if (!expression.starts_with('^') || expression.find('|') != std::string_view::npos) return "";
  expression.remove_prefix(1);
  const auto plain = std::min(expression.find_first_of("\\.[](){}*+?$"), expression.size());
  const bool repeats = plain < expression.size() && plain > 0 &&
                       std::string_view("*+?{").find(expression[plain]) != std::string_view::npos;
  return std::string(expression.substr(0, repeats ? plain - 1 : plain));
}

/// Whether a regular expression takes requests away from a protected location: nginx prefers it to
/// a prefix without ^~.
void check_precedence(Diagnosis& d, const Directives& all) {
  const auto has = [&](std::size_t block, const auto& what) {
    return std::ranges::any_of(all, [&](const Directive& one) {
      return !one.parents.empty() && one.parents.back() == block && what(one);
    });
  };
  const auto protects = [](const Directive& one) { return includes(one, "/users_auth.conf"); };
  const auto refuses = [](const Directive& one) {
    return is(one, {"deny", "all"}) || is(one, {"return"});
  };
  const auto is_rival = [&](std::size_t at, const Directive& prefix) {
    const Directive& other = all[at];
    if (!is(other, {"location"}) || other.words.size() < 2 || !other.words[1].starts_with("~") ||
        other.parents != prefix.parents || has(at, protects) || has(at, refuses)) {
      return false;
    }
    const std::string expression = other.words.back();
    const auto start = expression.find_first_not_of(other.words.size() == 2 ? "~*" : "");
    const std::string begins =
        beginning_of(std::string_view(expression).substr(std::min(start, expression.size())));
    return begins.starts_with(prefix.words[1]) || prefix.words[1].starts_with(begins);
  };
  for (std::size_t i = 0; i < all.size(); ++i) {
    const Directive& prefix = all[i];
    if (!is(prefix, {"location"}) || prefix.words.size() != 2 ||
        !prefix.words[1].starts_with("/") || !has(i, protects)) {
      continue;
    }
    for (std::size_t other = 0; other < all.size(); ++other) {
      if (!is_rival(other, prefix)) continue;
      return d.report.warning(
          "nginx precedence",
          "location " + all[other].words.back() + " of " + all[other].file +
              " is preferred to the protected location " + prefix.words[1],
          "write: location ^~ " + prefix.words[1] +
              " {  and in it what that one does for it; or give that one users_auth.conf, too");
    }
  }
  d.report.ok("nginx precedence", "no regular expression goes before a protected location");
}

}  // namespace

void check_locations(Diagnosis& d, const std::vector<Directive>& all) {
  check_identity(d, all);
  check_precedence(d, all);
}

}  // namespace users::ctl
