// doctor: the rules of protected locations, and what belongs beside them.
#include <algorithm>
#include <stdexcept>

#include "accounts/access_rule.hpp"
#include "base/text.hpp"
#include "ctl/doctor/nginx.hpp"

namespace users::ctl {
namespace {

bool has_identity(const Directive& block) {
  return std::ranges::any_of(in_effect(block, "auth_request_set"), [](const Directive* one) {
    return is(*one, {"auth_request_set", "$users_checked"});
  });
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

}  // namespace

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
  for (const Directive* block : site.blocks) {
    const std::string uri = value_in_effect(*block, "auth_request");
    const bool is_own = !own(*block, "auth_request").empty();
    if (!has_check(*block)) {
      if (own(*block, "auth_request_set").empty() || !has_identity(*block)) continue;
      faults.push_back(problem(name_of(*block) +
                                   " has users_identity.conf without an auth_request: "
                                   "everybody gets in",
                               "write before it: auth_request /users/_auth/RULE;"));
      continue;
    }
    if (!is_own) continue;
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
