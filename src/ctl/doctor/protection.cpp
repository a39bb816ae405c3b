// doctor: what lets somebody into a protected location without a session or past its limits, and
// which location nginx prefers to one.
#include <algorithm>
#include <cctype>
#include <map>

#include <regex.h>

#include "ctl/doctor/locations.hpp"

namespace users::ctl {
namespace {

/// Whether a location is one of users.conf.
bool is_ours(const Directive& location) {
  return pattern_of(location).path.starts_with("/users/");
}

/// Whether an expression of nginx matches a path; true if it has what only Perl's kind knows.
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

/// The location of a path or of a name such as `@app`; null if there is none.
const Directive* find_location(const Site& site, const std::string& path) {
  const Directive* best = nullptr;
  const Directive* expression = nullptr;
  std::size_t longest = 0;
  for (const Directive* location : own(*site.server, "location")) {
    const Pattern pattern = pattern_of(*location);
    const std::string& prefix = pattern.path;
    if (pattern.modifier == "@" && path == "@" + prefix) return location;
    if (pattern.is_expression()) {
      const bool is_first = expression == nullptr && matches_expression(pattern, path);
      if (is_first) expression = location;
      continue;
    }
    const bool matches = pattern.modifier == "=" ? path == prefix : path.starts_with(prefix);
    if (pattern.modifier == "@" || !matches || prefix.size() < longest) continue;
    best = location;
    longest = prefix.size();
  }
  const bool is_final = best != nullptr && !pattern_of(*best).modifier.empty();
  return expression != nullptr && !is_final ? expression : best;
}

/// nginx answers by `return` and leaves by `rewrite` before it asks for a session. A refusal, a
/// redirect and an empty answer tell nothing.
void find_answers_before_the_check(Faults& faults, const Site& site, const Directive& block) {
  for (const Directive* one : own(block, "return")) {
    if (one->words.size() < 3 || !one->words[1].starts_with('2')) continue;
    faults.push_back(
        problem(name_of(block) + ": return " + one->words[1] + " answers without a session",
                "write what it returns into a file and serve that by root or alias"));
  }
  for (const Directive* one : own(block, "rewrite")) {
    const std::string& flag = one->words.back();
    if (one->words.size() < 3 || flag == "break" || flag == "redirect" || flag == "permanent" ||
        one->words[2].starts_with("http") || one->words[2].starts_with("$scheme")) {
      continue;
    }
    // Up to its first variable.
    const std::string path = one->words[2].substr(0, one->words[2].find_first_of("$?"));
    const Directive* target = find_location(site, path);
    if (target != nullptr && needs_session(*target)) continue;
    faults.push_back(problem(
        name_of(block) + ": rewrite to " + one->words[2] +
            " leaves it before a session is asked for",
        std::string(flag == "last" ? "write break in place of last" : "write break at its end") +
            "; or protect the location that it leads to, and begin the target with its path"));
  }
}

/// Whether a location passes requests on without a session.
bool lets_in(const Directive* target) {
  return target != nullptr && !needs_session(*target) && !is_ours(*target) &&
         !protocols_of(*target).empty();
}

void judge_error_page(Faults& faults, const Site& site, const Directive& block,
                      const std::string& status) {
  const auto pages = in_effect(block, "error_page");
  // nginx takes the first.
  const auto one = std::ranges::find_if(
      pages, [&](const Directive* page) { return std::ranges::count(page->words, status) > 0; });
  if (one == pages.end()) return;
  const std::string& page = (*one)->words.back();
  const std::string name = "error_page " + status + " of " + name_of(block);
  const Directive* target = find_location(site, page);
  if (page.starts_with('$')) {
    faults.push_back(
        warning(name + " leads to " + page + ", which doctor cannot follow",
                "make sure that it is no location that passes requests on without a session"));
  } else if (lets_in(target)) {
    faults.push_back(warning(name + " passes requests without a session on to " + name_of(*target),
                             "remove it, or protect " + name_of(*target) +
                                 ", unless that backend is meant for everybody"));
  }
}

/// What becomes of a request that nginx refuses before it asks for a session, or because of that.
void find_ways_out(Faults& faults, const Site& site, const Directive& block) {
  // Where they are inherited they were judged further out.
  if (own(block, "error_page").empty() && needs_session(*block.around)) return;
  for (const char* status : {"401", "403", "413", "429", "500", "503"}) {
    judge_error_page(faults, site, block, status);
  }
  for (const Directive* one : own(block, "try_files")) {
    const Directive* target = find_location(site, one->words.back());
    if (!lets_in(target)) continue;
    faults.push_back(warning("try_files of " + name_of(block) + " leads to " + name_of(*target) +
                                 ", which anybody can ask for directly",
                             "protect that one, too, or make it internal"));
  }
}

bool lets_any_in(const Directive& block) {
  return needs_session(block) && value_in_effect(block, "satisfy") == "any";
}

/// What every path of a location begins with, as far as that is plain; in lower case, since an
/// expression may match either.
std::string beginning_of(const Pattern& pattern) {
  std::string path = pattern.path;
  if (pattern.is_expression()) {
    if (!path.starts_with('^') || path.find('|') != std::string::npos) return "";
    path.erase(0, 1);
    const auto plain = std::min(path.find_first_of("\\.[](){}*+?$"), path.size());
    const bool repeats = plain > 0 && plain < path.size() &&
                         std::string_view("*+?{").find(path[plain]) != std::string_view::npos;
    path.resize(repeats ? plain - 1 : plain);
  }
  for (char& c : path) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
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
    const bool is_preferred =
        others.is_expression()
            ? !(is_behind && pattern.is_expression())
            : pattern.is_expression() && others.modifier == "^~" && !is_ours(*other);
    if (!is_preferred || needs_session(*other) || refuses(*other)) continue;
    const std::string begins = beginning_of(others);
    if (begins.starts_with(path) || path.starts_with(begins)) return other;
  }
  return nullptr;
}

/// The zones that count in a block: the line of each, by zone.
std::map<std::string, std::string> zones_of(const Directive& block, std::string_view name) {
  std::map<std::string, std::string> zones;
  for (const Directive* one : in_effect(block, name)) {
    const std::string& word = one->words.at(1);
    zones[word.starts_with("zone=") ? word.substr(5) : word] = join(one->words) + ";";
  }
  return zones;
}

}  // namespace

void find_openings(Faults& faults, const Site& site) {
  if (site.is_protected.empty()) return;
  for (const Directive* parser : site.parsers) {
    if (value_in_effect(*parser, "merge_slashes") != "off") continue;
    faults.push_back(problem("merge_slashes off of " +
                                 in_effect(*parser, "merge_slashes").front()->file +
                                 ": //members/ goes past location ^~ /members/",
                             "remove that line; it counts for all servers of one address"));
  }
  for (const Directive* block : site.is_protected) {
    if (lets_any_in(*block) && !lets_any_in(*block->around)) {
      faults.push_back(
          problem(name_of(*block) +
                      ": satisfy any is in effect, so an address that is allowed or a password of "
                      "auth_basic takes the place of a session",
                  "write into it: satisfy all;"));
    }
    find_answers_before_the_check(faults, site, *block);
    find_ways_out(faults, site, *block);
  }
  for (const Directive* block : site.blocks) {
    if (needs_session(*block) || !needs_session(*block->around) || is_ours(*block)) continue;
    faults.push_back(
        warning(name_of(*block) + " asks for no session, though it stands in a location that does",
                "remove its auth_request unless it is meant for everybody"));
  }
}

/// nginx prefers an expression to a prefix without ^~, and one with ^~ to an expression, at each
/// level of locations in locations.
void find_rivals(Faults& faults, const Site& site) {
  for (const Directive* block : site.is_protected) {
    if (!is(*block, {"location"}) || pattern_of(*block).modifier == "=") continue;
    const std::string path = beginning_of(pattern_of(*block));
    for (const Directive* level = block; is(*level, {"location"}); level = level->around) {
      const Directive* rival = find_rival(*level, path);
      if (rival == nullptr) continue;
      std::string advice = "give that one users_auth.conf, too";
      if (!pattern_of(*level).is_expression()) {
        advice = "write: location ^~ " + level->words.back() +
                 " {  and in it what that one does for it; or " + advice;
      } else if (pattern_of(*rival).is_expression()) {
        advice = "write that one behind the protected one; or " + advice;
      }
      faults.push_back(warning("location " + rival->words.back() + " of " + rival->file +
                                   " is preferred to the protected location " + block->words.back(),
                               advice));
      break;
    }
  }
}

void find_lost_limits(Faults& faults, const Site& site) {
  for (const Directive* block : site.is_protected) {
    for (const char* name : {"limit_req", "limit_conn"}) {
      if (own(*block, name).empty()) continue;
      const auto counting = zones_of(*block, name);
      std::vector<std::string> zones;
      std::vector<std::string> lines;
      for (const auto& [zone, line] : zones_of(*block->around, name)) {
        if (counting.contains(zone)) continue;
        zones.push_back(zone);
        lines.push_back(line);
      }
      if (zones.empty()) continue;
      faults.push_back(warning("zone " + join(zones) +
                                   ", which counts further out, does not count in " +
                                   name_of(*block) + ", which has a " + name + " of its own",
                               "write into it: " + join(lines)));
    }
  }
}

}  // namespace users::ctl
