// doctor: the rules of protected locations, and what belongs beside them.
#include <algorithm>
#include <stdexcept>

#include <boost/algorithm/string/case_conv.hpp>
#include <boost/algorithm/string/erase.hpp>

#include "accounts/access_rule.hpp"
#include "base/text.hpp"
#include "ctl/doctor/site.hpp"

namespace users::ctl {
namespace {

bool sets_user(const std::vector<const Directive*>& lines) {
  return std::ranges::any_of(lines, [](auto* one) {
    return is(*one, {"auth_request_set", "$users_checked"});
  });
}

/// Returns true if users_identity.conf is in effect in a block.
bool has_identity(const Directive& block) {
  return sets_user(in_effect(block, "auth_request_set"));
}

/// Returns true if a block itself includes users_identity.conf.
bool includes_identity(const Directive& block) {
  return sets_user(own(block, "auth_request_set"));
}

/// Returns true for a URI that is meant to be the check, but leads to another location.
bool is_near_check(std::string uri) {
  if (uri.starts_with(kCheckPath)) return false;
  boost::to_lower(uri);
  for (const char* sign : {"/", "_", "-"}) boost::erase_all(uri, sign);
  return uri.starts_with("usersauth");
}

/// Returns why nobody gets in; empty if the rule is right.
std::string fault_of(std::string_view uri) {
  if (uri == kOptionalCheck) return "";
  try {
    static_cast<void>(read_access_rule(uri));
    return "";
  } catch (const std::invalid_argument& error) {
    return error.what();
  }
}

/// Finds a block whose auth_request is not the check.
void find_other_check(Faults& faults, const Directive& block) {
  const std::string uri = value_in_effect(block, "auth_request");
  const bool is_off = uri.empty() || uri == "off";
  if (!own(block, "auth_request").empty() && is_near_check(uri)) {
    faults.push_back(
        problem(name_of(block) + ": auth_request " + uri + " does not lead to the check",
                "write: auth_request /users/_auth;  or auth_request /users/_auth/RULE;"));
  } else if (includes_identity(block) && is_off) {
    faults.push_back(problem(
        name_of(block) + " has users_identity.conf without an auth_request: everybody gets in",
        "write before it: auth_request /users/_auth/RULE;"));
  } else if (includes_identity(block) && !is_near_check(uri)) {
    faults.push_back(problem(name_of(block) + " has users_identity.conf, but auth_request " + uri +
                                 " does not ask users-fcgi",
                             "write in its place: auth_request /users/_auth/RULE;"));
  }
}

/// Finds what a block in a checked location no longer inherits from users_identity.conf.
void find_lost_lines(Faults& faults, const Directive& block) {
  if (includes_identity(block) || is_ours(block) || !has_identity(*block.around)) return;
  const std::string advice =
      is(block, {"if"}) ? "move it out of the if"
                        : "write before it: include snippets/users-fcgi/users_identity.conf;";
  const auto pages = own(block, "error_page");
  const bool handles_401 = std::ranges::any_of(
      pages, [](auto* one) { return std::ranges::count(one->words, "401") > 0; });
  if (!pages.empty() && !handles_401) {
    faults.push_back(warning(
        name_of(block) + ": its own error_page replaces those of users_identity.conf: a browser "
                         "without a session gets nginx's bare 401, not the login",
        advice));
  }
  if (!own(block, "auth_request_set").empty()) {
    const std::string found =
        name_of(block) + ": its own auth_request_set replaces those of users_identity.conf: ";
    faults.push_back(passes_on(block) ? problem(found + "its backend is not told who it is", advice)
                                      : warning(found + "nginx does not know who it is", advice));
  }
}

}  // namespace

bool includes_users_conf(const Directive& server) {
  const auto has = [&](std::string_view path) {
    return std::ranges::any_of(server.inside, [&](auto* one) {
      return is(*one, {"location", "^~", path});
    });
  };
  return has("/users/") && has(kCheckPath);
}

bool uses_check(const Directive& block) {
  return has_check(block) || includes_identity(block) ||
         is_near_check(value_in_effect(block, "auth_request"));
}

bool has_check(const Directive& block) {
  return value_in_effect(block, "auth_request").starts_with(kCheckPath);
}

bool needs_session(const Directive& block) {
  return has_check(block) && value_in_effect(block, "auth_request") != kOptionalCheck;
}

bool is_as_strict(const Directive& block, const Directive& other) {
  if (!needs_session(other)) return true;
  if (!needs_session(block)) return false;
  const std::string uri = value_in_effect(block, "auth_request");
  const std::string others = value_in_effect(other, "auth_request");
  // A wrong rule lets nobody in, and is reported.
  if (!fault_of(uri).empty() || !fault_of(others).empty()) return true;
  return implies(read_access_rule(uri), read_access_rule(others));
}

std::string same_check(const Directive& block) {
  const std::string uri = value_in_effect(block, "auth_request");
  return uri == kCheckPath ? "users_auth.conf"
                           : "auth_request " + uri + "; and users_identity.conf";
}

void find_rules(Faults& faults, const Site& site) {
  const bool is_asked =
      std::ranges::any_of(site.blocks, [](auto* block) { return has_check(*block); });
  if (is_asked && !includes_users_conf(*site.server)) {
    faults.push_back(problem(name_of_server(*site.server) +
                                 " has an auth_request to the check, but not users.conf: its own "
                                 "locations reply in place of the check",
                             "write into it: include snippets/users-fcgi/users.conf;"));
  }
  for (const Directive* block : site.blocks) {
    if (!has_check(*block)) {
      find_other_check(faults, *block);
      continue;
    }
    if (own(*block, "auth_request").empty()) {
      find_lost_lines(faults, *block);
      continue;
    }
    const std::string uri = value_in_effect(*block, "auth_request");
    if (const std::string fault = fault_of(uri); !fault.empty()) {
      faults.push_back(
          problem(name_of(*block) + ": auth_request " + uri + " lets nobody in: " + fault,
                  "correct the rule, as nginx/README.md describes it"));
    }
    if (has_identity(*block)) continue;
    faults.push_back(
        warning(name_of(*block) +
                    " has an auth_request without users_identity.conf: its backend is not told "
                    "who it is, and nginx's caches are on",
                "write behind it: include snippets/users-fcgi/users_identity.conf;"));
  }
}

std::vector<std::string> groups_in_rules(const Site& site) {
  std::vector<std::string> groups;
  for (const Directive* block : site.blocks) {
    const std::string uri = value_in_effect(*block, "auth_request");
    if (!needs_session(*block) || !fault_of(uri).empty()) continue;
    const AccessRule rule = read_access_rule(uri);
    if (rule.groups.empty()) continue;
    for (std::string& name : split(rule.groups, ',')) groups.push_back(std::move(name));
  }
  return groups;
}

}  // namespace users::ctl
