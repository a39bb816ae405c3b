// doctor: the site's own locations: whom a backend takes a client for, and which location nginx
// prefers.
#include "ctl/doctor/locations.hpp"

#include <algorithm>
#include <cctype>

#include <strings.h>

namespace users::ctl {
namespace {

bool says_who(const Directive& block, const Protocol& protocol) {
  const bool is_header = protocol.header.ends_with("_header");
  // Many backends take both spellings for one; of a parameter there is only one.
  if (is_header && value_in_effect(block, "underscores_in_headers") == "on" &&
      !sets(block, protocol, "X_User_Id")) {
    return false;
  }
  return sets(block, protocol, protocol.id) && sets(block, protocol, protocol.phone);
}

/// A block whose headers were lost, though it stands in one that had them.
bool has_lost(const Directive& block, const Protocol& protocol) {
  for (const Directive* at = block.around; at != nullptr; at = at->around) {
    if (says_who(*at, protocol)) return true;
  }
  return needs_session(block);
}

void judge_pass(Faults& faults, const Directive& block, const Protocol& protocol) {
  const std::string name(protocol.name);
  // Nothing of the client's arrives then.
  if (value_in_effect(block, name + "_pass_request_headers") == "off") return;
  if (says_who(block, protocol)) return;
  const std::string file = needs_session(block) ? "users_auth.conf" : "users_strip.conf";
  // nginx refuses a second one.
  const std::string place = own(block, "auth_request").empty() || !needs_session(block)
                                ? "write into it: "
                                : "write in place of its auth_request: ";
  const std::string advice = place + "include snippets/users-fcgi/" + file + ";";
  if (!has_lost(block, protocol)) {
    faults.warning(name_of(block) + " passes a client's own X-User-Id on to its backend", advice);
    return;
  }
  const bool replaces = !own(block, protocol.header).empty();
  faults.problem(name_of(block) + " passes a client's own X-User-Id on to its backend" +
                     (replaces ? ": each " + std::string(protocol.header) +
                                     " of its own drops all that it would inherit"
                               : ""),
                 advice);
}

/// Whether a backend can be told a name by the client itself.
void find_forgeries(Faults& faults, const Site& site) {
  if (!site.backends_trust) return;
  for (const Directive* parser : site.parsers) {
    if (value_in_effect(*parser, "ignore_invalid_headers") != "off") continue;
    faults.problem("ignore_invalid_headers off of " +
                       in_effect(*parser, "ignore_invalid_headers").front()->file +
                       ": a client's own X.User.Id passes every check and reaches the backends",
                   "remove that line; it counts for all servers of one address");
  }
  for (const Directive* block : site.blocks) {
    for (const Protocol& protocol : kProtocols) {
      if (passes_on(*block, protocol)) judge_pass(faults, *block, protocol);
    }
  }
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

/// What every path of a location begins with, in lower case: an expression may match either.
std::string beginning_of(const Pattern& pattern) {
  std::string path = pattern.is_expression() ? beginning_of(pattern.path) : pattern.path;
  std::ranges::transform(path, path.begin(),
                         [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return path;
}

bool refuses(const Directive& location) {
  return !own(location, "return").empty() ||
         std::ranges::any_of(own(location, "deny"), [](const Directive* deny) {
           return is(*deny, {"deny", "all"});
         });
}

/// A location beside `level` that nginx prefers to it for paths that begin with `path`, and that
/// lets in.
const Directive* find_rival(const Directive& level, const std::string& path) {
  const Pattern pattern = pattern_of(level);
  if (pattern.modifier == "^~" || pattern.modifier == "@") return nullptr;
  bool is_behind = false;
  for (const Directive* other : own(*level.around, "location")) {
    is_behind = is_behind || other == &level;
    const Pattern others = pattern_of(*other);
    // Of two expressions the first counts, and a prefix with ^~ goes before both.
    const bool is_preferred = others.is_expression()
                                  ? !(is_behind && pattern.is_expression())
                                  : pattern.is_expression() && others.modifier == "^~" &&
                                        !others.path.starts_with("/users/");
    if (!is_preferred || needs_session(*other) || refuses(*other)) continue;
    const std::string begins = beginning_of(others);
    if (begins.starts_with(path) || path.starts_with(begins)) return other;
  }
  return nullptr;
}

/// Whether another location takes requests away from a protected one: nginx prefers an expression
/// to a prefix without ^~, and one with ^~ to an expression, at each level of locations in
/// locations.
void find_rivals(Faults& faults, const Site& site) {
  for (const Directive* block : site.is_protected) {
    if (!is(*block, {"location"}) || pattern_of(*block).modifier == "=") continue;
    const std::string path = beginning_of(pattern_of(*block));
    for (const Directive* level = block; is(*level, {"location"}); level = level->around) {
      const Directive* rival = find_rival(*level, path);
      if (rival == nullptr) continue;
      faults.warning("location " + rival->words.back() + " of " + rival->file +
                         " is preferred to the protected location " + block->words.back(),
                     pattern_of(*level).is_expression()
                         ? std::string(pattern_of(*rival).is_expression()
                                           ? "write that one behind the protected one; or give it "
                                             "users_auth.conf, too"
                                           : "give that one users_auth.conf, too")
                         : "write: location ^~ " + level->words.back() +
                               " {  and in it what that one does for it; or give that one "
                               "users_auth.conf, too");
      break;
    }
  }
}

/// What could not be read and belongs to a site; empty if there is nothing of the kind.
std::string unread_of(const NginxTree& tree, const std::vector<Site>& sites) {
  for (const Unread& one : tree.unread) {
    const Directive* server = one.around == nullptr ? nullptr : enclosing(*one.around, "server");
    if (server == nullptr || std::ranges::find(sites, server, &Site::server) != sites.end()) {
      return "not looked at: " + one.what;
    }
  }
  return "";
}

}  // namespace

bool passes_on(const Directive& block, const Protocol& protocol) {
  return !own(block, std::string(protocol.name) + "_pass").empty();
}

bool sets(const Directive& block, const Protocol& protocol, std::string_view name) {
  bool is_set = false;
  for (const Directive* one : in_effect(block, protocol.header)) {
    const auto& words = one->words;
    if (words.size() < 3 || ::strcasecmp(words[1].c_str(), std::string(name).c_str()) != 0)
      continue;
    if (words[2].starts_with("$http_")) return false;
    is_set = true;
  }
  return is_set;
}

void check_locations(Diagnosis& d, const NginxTree& tree) {
  struct Check {
    const char* name;
    void (*find)(Faults&, const Site&);
    const char* fine;
  };
  static constexpr Check kChecks[] = {
      {"nginx identity", find_forgeries, "no client says who it is"},
      {"nginx session", find_openings, "no protected location lets in without a session"},
      {"nginx precedence", find_rivals, "no location goes before a protected one"},
      {"nginx cache", find_caches, "none keeps what one user gets"},
      {"nginx early data", find_early_data, "no recorded request can be sent again"},
      {"nginx site limits", find_lost_limits, "all count in the protected locations, too"}};
  const std::vector<Site> sites = find_sites(tree);
  const std::string unread = unread_of(tree, sites);
  const bool protects =
      std::ranges::any_of(sites, [](const Site& site) { return site.backends_trust; });
  for (const Check& check : kChecks) {
    Faults faults(d, check.name);
    for (const Site& site : sites) check.find(faults, site);
    faults.finish(unread, protects ? check.fine : "nothing is protected");
  }
}

}  // namespace users::ctl
