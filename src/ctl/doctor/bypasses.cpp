// doctor: what replies in place of the check, and subrequests, which nginx does not check.
#include <algorithm>
#include <set>

#include "accounts/access_rule.hpp"
#include "ctl/doctor/site.hpp"

namespace users::ctl {
namespace {

/// What a variable is in the subrequest of the check; nullopt if it is the same as in the request
/// of the client, or unknown. The subrequest has a URI of its own and no arguments.
std::optional<std::string> value_in_check(const std::string& variable, const std::string& uri) {
  if (variable == "$uri" || variable == "$document_uri") return uri;
  const bool is_argument = variable == "$args" || variable == "$query_string" ||
                           variable == "$is_args" || variable.starts_with("$arg_");
  return is_argument ? std::optional<std::string>("") : std::nullopt;
}

/// Returns whether an `if` holds in the subrequest of the check; nullopt if doctor cannot tell.
std::optional<bool> holds_in_check(const Directive& block, const std::string& uri) {
  std::vector<std::string> words(block.words.begin() + 1, block.words.end());
  if (!words.empty() && words.front().starts_with('(')) words.front().erase(0, 1);
  if (!words.empty() && words.back().ends_with(')')) words.back().pop_back();
  std::erase(words, "");
  if (words.empty()) return std::nullopt;
  // No file has the URI of the check.
  const bool is_file =
      words.back() == "$request_filename" || words.back().find("$uri") != std::string::npos;
  if (words[0].starts_with("!-")) return is_file ? std::optional(true) : std::nullopt;
  if (words[0].starts_with('-')) return is_file ? std::optional(false) : std::nullopt;
  const auto value = value_in_check(words[0], uri);
  if (!value) return std::nullopt;
  if (words.size() == 1) return !value->empty() && *value != "0";
  std::string sign = words[1];
  const std::string right = words.size() > 2 ? words[2] : "";
  const bool is_negated = sign.starts_with('!');
  if (is_negated) sign.erase(0, 1);
  const auto holds = sign == "=" ? std::optional(*value == right) : matches({sign, right}, *value);
  return holds ? std::optional(*holds != is_negated) : std::nullopt;
}

/// Returns true if a `rewrite` gives the check's subrequest another URI.
bool moves_check(const Directive& line, const std::string& uri) {
  // After a redirect nobody gets in.
  return !is_redirect(line) && !line.words[2].starts_with(kCheckPath) &&
         matches({"~", line.words[1]}, uri).value_or(false);
}

/// Returns the line before users.conf that replies to the check's subrequest or sends it elsewhere,
/// or null.
const Directive* find_catcher(const Directive& server, const std::string& uri) {
  for (const Directive* one : server.inside) {
    if (is(*one, {"location", "^~", kCheckPath}) || is_any(*one, {"return", "break"})) break;
    if (is(*one, {"rewrite"}) && moves_check(*one, uri)) return one;
    const auto holds = is(*one, {"if"}) ? holds_in_check(*one, uri) : false;
    if (!holds.value_or(true)) continue;
    for (const Directive* inner : one->inside) {
      if (is(*inner, {"rewrite"}) && moves_check(*inner, uri)) return inner;
      if (!holds.value_or(false)) continue;
      if (is(*inner, {"break"})) return nullptr;
      // Other replies let nobody in.
      if (is(*inner, {"return"})) return inner->words.at(1).starts_with('2') ? inner : nullptr;
    }
  }
  return nullptr;
}

void find_catchers(Faults& faults, const Site& site) {
  if (!includes_users_conf(*site.server)) return;
  std::set<std::string> checks;
  for (const Directive* block : site.blocks) {
    if (has_check(*block)) checks.insert(value_in_effect(*block, "auth_request"));
  }
  std::set<const Directive*> catchers;
  for (const std::string& uri : checks) catchers.insert(find_catcher(*site.server, uri));
  catchers.erase(nullptr);
  for (const Directive* one : catchers) {
    faults.push_back(problem(one->words[0] + " " + one->words[1] + " of " + one->file +
                                 " stands before users.conf and can answer the check itself",
                             "move it behind the include of users.conf"));
  }
}

/// Finds subrequests to a fixed address that needs more than the block.
void find_subrequests(Faults& faults, const Site& site, const Directive& block) {
  for (const std::string name : {"add_before_body", "add_after_body", "mirror"}) {
    const auto lines = &block == site.server ? in_effect(block, name) : own(block, name);
    for (const Directive* one : lines) {
      const std::string& uri = one->words.at(1);
      const Directive* target = uri == "off" ? nullptr : find_location(*site.server, uri);
      if (target == nullptr || is_as_strict(block, *target)) continue;
      faults.push_back(warning(name + " " + uri + " of " + name_of(block) + " requests " +
                                   name_of(*target) + " without its check",
                               "write into the former, too: " + same_check(*target) +
                                   "; or request an internal location in its place"));
    }
  }
}

/// Returns a protected location that a page of `block` could include without a session, or null.
const Directive* find_included(const Site& site, const Directive& block) {
  const auto found = std::ranges::find_if(site.is_protected, [&](const Directive* one) {
    return is(*one, {"location"}) && !is_ours(*one) && !is_as_strict(block, *one);
  });
  return found == site.is_protected.end() ? nullptr : *found;
}

void find_ssi(Faults& faults, const Site& site) {
  std::set<const Directive*> seen;  // the lines that switch it on
  for (const Directive* block : site.blocks) {
    // Requests outside all locations are the server's own.
    const bool serves =
        is(*block, {"location"}) || (block == site.server && find_location(*block, "/") == nullptr);
    if (!serves || is_ours(*block) || refuses(*block)) continue;
    if (value_in_effect(*block, "ssi") != "on") continue;
    const Directive* included = find_included(site, *block);
    if (included == nullptr || !seen.insert(in_effect(*block, "ssi").front()).second) continue;
    faults.push_back(
        warning("ssi on in " + name_of(*block) + ": its pages can include " + name_of(*included) +
                    " without a session",
                "write into it: ssi off;  or let its pages include internal locations of their "
                "own"));
  }
}

}  // namespace

void find_bypasses(Faults& faults, const Site& site) {
  find_catchers(faults, site);
  for (const Directive* block : site.blocks) {
    if (!is_ours(*block)) find_subrequests(faults, site, *block);
  }
  find_ssi(faults, site);
}

}  // namespace users::ctl
