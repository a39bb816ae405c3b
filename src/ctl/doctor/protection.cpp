// doctor: ways into a protected location without a session or past the site's limits, and locations
// that take precedence over one.
#include <algorithm>
#include <cctype>
#include <map>

#include <boost/algorithm/string/case_conv.hpp>
#include <boost/algorithm/string/join.hpp>
#include <regex.h>

#include "ctl/doctor/nginx.hpp"

namespace users::ctl {
namespace {

/// A location's arguments. They may have no blank between them: `location ~\.php$`.
struct Pattern {
  std::string modifier;  ///< `=`, `^~`, `~`, `~*`, `@`; empty for a plain prefix
  std::string path;
  [[nodiscard]] bool is_expression() const { return modifier.starts_with('~'); }
};

Pattern pattern_of(const Directive& location) {
  const auto& words = location.words;
  if (words.size() > 2) return {words[1], words[2]};
  for (const std::string modifier : {"=", "^~", "~*", "~", "@"}) {
    if (words.at(1).starts_with(modifier)) return {modifier, words[1].substr(modifier.size())};
  }
  return {"", words.at(1)};
}

/// Returns true for the locations of users.conf.
bool is_ours(const Directive& location) {
  return pattern_of(location).path.starts_with("/users/");
}

/// Returns true if an expression matches a path, or uses syntax that only Perl's have.
bool matches_expression(const Pattern& pattern, const std::string& path) {
  for (std::size_t i = 0; i + 1 < pattern.path.size(); ++i) {
    const bool is_escape = pattern.path[i] == '\\' && std::isalpha(pattern.path[i + 1]) != 0;
    if (is_escape || pattern.path.compare(i, 2, "(?") == 0) return true;
  }
  regex_t expression{};
  const int flags = REG_EXTENDED | REG_NOSUB | (pattern.modifier == "~*" ? REG_ICASE : 0);
  if (::regcomp(&expression, pattern.path.c_str(), flags) != 0) return true;
  const bool matches = ::regexec(&expression, path.c_str(), 0, nullptr, 0) == 0;
  ::regfree(&expression);
  return matches;
}

/// Returns the location of a path or of a name such as `@app`, or null.
const Directive* find_location(const Site& site, const std::string& path) {
  const Directive* best = nullptr;
  const Directive* expression = nullptr;
  std::size_t longest = 0;
  for (const Directive* location : own(*site.server, "location")) {
    const Pattern pattern = pattern_of(*location);
    const std::string prefix = (pattern.modifier == "@" ? "@" : "") + pattern.path;
    if (pattern.is_expression()) {
      if (expression == nullptr && matches_expression(pattern, path)) expression = location;
    } else if (path == prefix || (pattern.modifier != "=" && path.starts_with(prefix))) {
      if (prefix.size() < longest) continue;
      best = location;
      longest = prefix.size();
    }
  }
  const bool is_final = best != nullptr && !pattern_of(*best).modifier.empty();
  return expression != nullptr && !is_final ? expression : best;
}

/// Returns true if a location passes requests on that `block` would refuse.
bool lets_in(const Directive* target, const Directive& block) {
  return target != nullptr && !is_as_strict(*target, block) && !is_ours(*target) &&
         passes_on(*target);
}

/// nginx executes `return` and `rewrite` before it checks the session. Errors, redirects and empty
/// replies reveal nothing.
void find_replies_before_the_check(Faults& faults, const Site& site, const Directive& block) {
  for (const Directive* one : own(block, "return")) {
    if (one->words.size() < 3 || !one->words[1].starts_with('2')) continue;
    faults.push_back(
        problem(name_of(block) + ": return " + one->words[1] + " replies without a session",
                "write what it returns into a file and serve that with root or alias"));
  }
  for (const Directive* one : own(block, "rewrite")) {
    const std::string to = one->words.at(2);
    const std::string flag = one->words.back();
    const bool stays = flag == "break" || flag == "redirect" || flag == "permanent" ||
                       to.starts_with("http") || to.starts_with("$scheme");
    const Directive* target = find_location(site, to.substr(0, to.find_first_of("$?")));
    if (stays || (target != nullptr && is_as_strict(*target, block))) continue;
    faults.push_back(
        problem(name_of(block) + ": rewrite to " + to + " leaves it before the session is checked",
                std::string("write break ") + (flag == "last" ? "in place of last" : "at its end") +
                    "; or protect the location that it leads to, and begin the target with its "
                    "path"));
  }
}

/// Where requests go that nginx refuses before it checks the session, or because of that.
void find_ways_out(Faults& faults, const Site& site, const Directive& block) {
  const auto pages = in_effect(block, "error_page");
  // Inherited ones are reported for the outer block.
  if (own(block, "error_page").empty() && is_as_strict(*block.around, block)) return;
  for (const std::string status : {"401", "403", "413", "429", "500", "503"}) {
    // The first line counts.
    const auto line = std::ranges::find_if(
        pages, [&](const Directive* one) { return std::ranges::count(one->words, status) > 0; });
    if (line == pages.end()) continue;
    const std::string page = (*line)->words.back();
    const std::string name = "error_page " + status + " of " + name_of(block);
    const Directive* target = find_location(site, page);
    if (page.starts_with('$')) {
      faults.push_back(warning(name + " leads to " + page + ", which doctor cannot follow",
                               "make sure that it leads to no backend without a session"));
    } else if (lets_in(target, block)) {
      faults.push_back(warning(
          name + " passes refused requests on to " + name_of(*target) +
              (needs_session(*target) ? ", whose rule admits more" : ", which needs no session"),
          "remove it, or write into that location " + same_check(block) +
              ", unless its backend is for all of them"));
    }
  }
  for (const Directive* one : own(block, "try_files")) {
    const Directive* target = find_location(site, one->words.back());
    if (!lets_in(target, block)) continue;
    faults.push_back(
        warning("try_files of " + name_of(block) + " leads to " + name_of(*target) + ", which " +
                    (needs_session(*target) ? "others" : "anybody") + " can request directly",
                "write into that one, too: " + same_check(block) + "; or make it internal"));
  }
}

bool lets_any_in(const Directive& block) {
  return needs_session(block) && value_in_effect(block, "satisfy") == "any";
}

/// The literal beginning of all paths of a location, in lower case, since an expression may ignore
/// case.
std::string beginning_of(const Pattern& pattern) {
  std::string path = pattern.path;
  if (pattern.is_expression()) {
    if (!path.starts_with('^') || path.find('|') != std::string::npos) return "";
    path.erase(0, 1);
    const auto plain = path.find_first_of("\\.[](){}*+?$");
    if (plain != std::string::npos) {
      const bool repeats = std::string_view("*+?{").find(path[plain]) != std::string_view::npos;
      path.resize(repeats && plain > 0 ? plain - 1 : plain);
    }
  }
  return boost::to_lower_copy(path);
}

/// Finds a location beside `level` that admits more than `block` and takes precedence over it for
/// paths that begin with `path`: an expression over a prefix without ^~, and ^~ over an expression.
const Directive* find_rival(const Directive& level, const Directive& block,
                            const std::string& path) {
  const Pattern pattern = pattern_of(level);
  if (pattern.modifier == "^~" || pattern.modifier == "@") return nullptr;
  bool is_behind = false;
  for (const Directive* other : own(*level.around, "location")) {
    is_behind = is_behind || other == &level;
    const Pattern others = pattern_of(*other);
    // The first of two expressions counts.
    const bool is_preferred =
        others.is_expression()
            ? !(is_behind && pattern.is_expression())
            : pattern.is_expression() && others.modifier == "^~" && !is_ours(*other);
    const auto denials = own(*other, "deny");
    const bool refuses =
        !own(*other, "return").empty() || std::ranges::any_of(denials, [](auto* one) {
          return is(*one, {"deny", "all"});
        });
    if (!is_preferred || is_as_strict(*other, block) || refuses) continue;
    const std::string begins = beginning_of(others);
    if (begins.starts_with(path) || path.starts_with(begins)) return other;
  }
  return nullptr;
}

/// The zones that apply in a block, each with its line.
std::map<std::string, std::string> zones_of(const Directive& block, std::string_view name) {
  std::map<std::string, std::string> zones;
  for (const Directive* one : in_effect(block, name)) {
    const std::string& word = one->words.at(1);
    zones[word.starts_with("zone=") ? word.substr(5) : word] = boost::join(one->words, " ") + ";";
  }
  return zones;
}

}  // namespace

void find_openings(Faults& faults, const Site& site) {
  if (!site.is_protected.empty()) {
    find_off(faults, site, "merge_slashes", "//members/ does not match location ^~ /members/");
  }
  for (const Directive* block : site.is_protected) {
    if (lets_any_in(*block) && !lets_any_in(*block->around)) {
      faults.push_back(problem(name_of(*block) + ": with satisfy any, an allowed address or a "
                                                 "password of auth_basic is enough",
                               "write into it: satisfy all;"));
    }
    find_replies_before_the_check(faults, site, *block);
    find_ways_out(faults, site, *block);
  }
  for (const Directive* block : site.blocks) {
    if (is_as_strict(*block, *block->around) || is_ours(*block)) continue;
    faults.push_back(warning(
        name_of(*block) + (needs_session(*block) ? " admits more than the location around it"
                                                 : " requires no session, but the location "
                                                   "around it does"),
        "remove its auth_request, unless this is meant"));
  }
}

void find_rivals(Faults& faults, const Site& site) {
  for (const Directive* block : site.is_protected) {
    if (!is(*block, {"location"}) || pattern_of(*block).modifier == "=") continue;
    const std::string path = beginning_of(pattern_of(*block));
    // Locations may stand in locations.
    for (const Directive* level = block; is(*level, {"location"}); level = level->around) {
      const Directive* rival = find_rival(*level, *block, path);
      if (rival == nullptr) continue;
      std::string advice = "write into that one, too: " + same_check(*block);
      if (!pattern_of(*level).is_expression()) {
        advice = "write: location ^~ " + level->words.back() +
                 " {  and repeat in it what that one does; or " + advice;
      } else if (pattern_of(*rival).is_expression()) {
        advice = "move that one behind the protected one; or " + advice;
      }
      faults.push_back(warning(
          name_of(*rival) + " takes precedence over the protected location " + block->words.back(),
          advice));
      break;
    }
  }
}

void find_lost_limits(Faults& faults, const Site& site) {
  for (const Directive* block : site.is_protected) {
    for (const std::string name : {"limit_req", "limit_conn"}) {
      const auto counting = zones_of(*block, name);
      for (const auto& [zone, line] : zones_of(*block->around, name)) {
        if (own(*block, name).empty() || counting.contains(zone)) continue;
        faults.push_back(warning("zone " + zone + " of an outer block does not apply in " +
                                     name_of(*block) + ", which has its own " + name,
                                 "write into it: " + line));
      }
    }
  }
}

}  // namespace users::ctl
