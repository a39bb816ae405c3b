// doctor: what lets somebody into a protected location without a session or past its limits, and
// which location nginx prefers to one.
#include <algorithm>
#include <cctype>
#include <map>

#include <boost/algorithm/string/case_conv.hpp>
#include <regex.h>

#include "ctl/doctor/nginx.hpp"

namespace users::ctl {
namespace {

/// What a location is for, also where no blank stands between the two: `location ~\.php$`.
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

/// Whether a location passes requests on without a session.
bool lets_in(const Directive* target) {
  return target != nullptr && !needs_session(*target) && !is_ours(*target) && passes_on(*target);
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
    const std::string to = one->words.at(2);
    const std::string flag = one->words.back();
    const bool stays = flag == "break" || flag == "redirect" || flag == "permanent" ||
                       to.starts_with("http") || to.starts_with("$scheme");
    const Directive* target = find_location(site, to.substr(0, to.find_first_of("$?")));
    if (stays || (target != nullptr && needs_session(*target))) continue;
    faults.push_back(
        problem(name_of(block) + ": rewrite to " + to + " leaves it before a session is asked for",
                std::string("write break ") + (flag == "last" ? "in place of last" : "at its end") +
                    "; or protect the location that it leads to, and begin the target with its "
                    "path"));
  }
}

/// What becomes of a request that nginx refuses before it asks for a session, or because of that.
void find_ways_out(Faults& faults, const Site& site, const Directive& block) {
  const auto pages = in_effect(block, "error_page");
  // Where they are inherited they were judged further out.
  if (own(block, "error_page").empty() && needs_session(*block.around)) return;
  for (const std::string status : {"401", "403", "413", "429", "500", "503"}) {
    // nginx takes the first.
    const auto line = std::ranges::find_if(
        pages, [&](const Directive* one) { return std::ranges::count(one->words, status) > 0; });
    if (line == pages.end()) continue;
    const std::string page = (*line)->words.back();
    const std::string name = "error_page " + status + " of " + name_of(block);
    const Directive* target = find_location(site, page);
    if (page.starts_with('$')) {
      faults.push_back(warning(name + " leads to " + page + ", which doctor cannot follow",
                               "make sure that it leads to no backend without a session"));
    } else if (lets_in(target)) {
      faults.push_back(
          warning(name + " passes requests without a session on to " + name_of(*target),
                  "remove it or protect that location, unless its backend is for everybody"));
    }
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
    const auto plain = path.find_first_of("\\.[](){}*+?$");
    if (plain != std::string::npos) {
      const bool repeats = std::string_view("*+?{").find(path[plain]) != std::string_view::npos;
      path.resize(repeats && plain > 0 ? plain - 1 : plain);
    }
  }
  return boost::to_lower_copy(path);
}

/// A location beside `level` that nginx prefers to it for paths that begin with `path`, and that
/// lets in. It prefers an expression to a prefix without ^~, and one with ^~ to an expression.
const Directive* find_rival(const Directive& level, const std::string& path) {
  const Pattern pattern = pattern_of(level);
  if (pattern.modifier == "^~" || pattern.modifier == "@") return nullptr;
  bool is_behind = false;
  for (const Directive* other : own(*level.around, "location")) {
    is_behind = is_behind || other == &level;
    const Pattern others = pattern_of(*other);
    // Of two expressions the first counts.
    const bool is_preferred =
        others.is_expression()
            ? !(is_behind && pattern.is_expression())
            : pattern.is_expression() && others.modifier == "^~" && !is_ours(*other);
    const auto denials = own(*other, "deny");
    const bool refuses =
        !own(*other, "return").empty() || std::ranges::any_of(denials, [](auto* one) {
          return is(*one, {"deny", "all"});
        });
    if (!is_preferred || needs_session(*other) || refuses) continue;
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
  const Directive* off = find_off(site, "merge_slashes");
  if (off != nullptr && !site.is_protected.empty()) {
    faults.push_back(problem(
        "merge_slashes off of " + off->file + ": //members/ goes past location ^~ /members/",
        "remove that line; it counts for all servers of one address"));
  }
  for (const Directive* block : site.is_protected) {
    if (lets_any_in(*block) && !lets_any_in(*block->around)) {
      faults.push_back(problem(name_of(*block) + ": with satisfy any, an allowed address or a "
                                                 "password of auth_basic is enough",
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

void find_rivals(Faults& faults, const Site& site) {
  for (const Directive* block : site.is_protected) {
    if (!is(*block, {"location"}) || pattern_of(*block).modifier == "=") continue;
    const std::string path = beginning_of(pattern_of(*block));
    // Locations may stand in locations.
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
      faults.push_back(warning(
          name_of(*rival) + " is preferred to the protected location " + block->words.back(),
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
        faults.push_back(warning("zone " + zone + ", which counts further out, does not count in " +
                                     name_of(*block) + ", which has a " + name + " of its own",
                                 "write into it: " + line));
      }
    }
  }
}

}  // namespace users::ctl
