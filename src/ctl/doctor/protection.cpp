// doctor: what lets somebody into a protected location without a session, and what happens there.
#include <algorithm>
#include <cctype>

#include <regex.h>

#include "ctl/doctor/locations.hpp"

namespace users::ctl {
namespace {

/// Where a rewrite leads, up to its first variable.
std::string target_of(const Directive& rewrite) {
  const std::string& target = rewrite.words[2];
  return target.substr(0, target.find_first_of("$?"));
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
    const auto [modifier, prefix] = pattern_of(*location);
    if (modifier == "@" && path == "@" + prefix) return location;
    if (modifier.starts_with('~')) {
      if (expression == nullptr && matches_expression({modifier, prefix}, path)) {
        expression = location;
      }
      continue;
    }
    const bool matches = modifier == "=" ? path == prefix : path.starts_with(prefix);
    if (modifier == "@" || !matches || prefix.size() < longest) continue;
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
    faults.problem(name_of(block) + ": return " + one->words[1] + " answers without a session",
                   "write what it returns into a file and serve that by root or alias");
  }
  for (const Directive* one : own(block, "rewrite")) {
    const std::string& flag = one->words.back();
    if (one->words.size() < 3 || flag == "break" || flag == "redirect" || flag == "permanent" ||
        one->words[2].starts_with("http") || one->words[2].starts_with("$scheme")) {
      continue;
    }
    const Directive* target = find_location(site, target_of(*one));
    if (target != nullptr && needs_session(*target)) continue;
    faults.problem(
        name_of(block) + ": rewrite to " + one->words[2] +
            " leaves it before a session is asked for",
        std::string(flag == "last" ? "write break in place of last" : "write break at its end") +
            "; or protect the location that it leads to, and begin the target with its path");
  }
}

/// Whether a location passes requests on without a session.
bool lets_in(const Directive* target) {
  return target != nullptr && !needs_session(*target) && !is_ours(*target) &&
         std::ranges::any_of(kProtocols, [&](const Protocol& p) { return passes_on(*target, p); });
}

/// What becomes of a request that nginx refuses before it asks for a session, or because of that.
void find_ways_out(Faults& faults, const Site& site, const Directive& block) {
  // Where they are inherited they were judged further out.
  if (own(block, "error_page").empty() && needs_session(*block.around)) return;
  for (const char* status : {"401", "403", "413", "429", "500", "503"}) {
    for (const Directive* one : in_effect(block, "error_page")) {
      if (std::ranges::find(one->words, status) == one->words.end()) continue;
      const std::string& page = one->words.back();
      if (page.starts_with('$')) {
        faults.warning(
            "error_page " + std::string(status) + " of " + name_of(block) + " leads to " + page +
                ", which doctor cannot follow",
            "make sure that it is no location that passes requests on without a session");
      } else if (const Directive* target = find_location(site, page); lets_in(target)) {
        faults.warning("error_page " + std::string(status) + " of " + name_of(block) +
                           " passes requests without a session on to " + name_of(*target),
                       "remove it, or protect " + name_of(*target) +
                           ", unless that backend is meant for everybody");
      }
      break;  // nginx takes the first
    }
  }
  for (const Directive* one : own(block, "try_files")) {
    const Directive* target = find_location(site, one->words.back());
    if (!lets_in(target)) continue;
    faults.warning("try_files of " + name_of(block) + " leads to " + name_of(*target) +
                       ", which anybody can ask for directly",
                   "protect that one, too, or make it internal");
  }
}

bool lets_any_in(const Directive& block) {
  return needs_session(block) && value_in_effect(block, "satisfy") == "any";
}

void judge_cache(Faults& faults, const Directive& block, const Protocol& protocol) {
  const std::string name = std::string(protocol.name) + "_cache";
  const std::string zone = value_in_effect(block, name);
  const bool is_users_own =
      value_in_effect(block, name + "_key").find("$users_id") != std::string::npos;
  if (!passes_on(block, protocol) || zone.empty() || zone == "off" || is_users_own) return;
  faults.problem(name_of(block) + ": " + name + " " + zone +
                     " is in effect, so the page of one user goes to another",
                 "write into it: " + name + " off;  or add $users_id to its " + name + "_key");
}

constexpr const char* kNoEarlyData =
    "write into each server block of its address: ssl_early_data off;";

void judge_early_data(Faults& faults, const Directive& block, const Protocol& protocol) {
  const std::string header(protocol.header);
  const std::string name = header.ends_with("_param") ? "HTTP_EARLY_DATA" : "Early-Data";
  if (!passes_on(block, protocol) || sets(block, protocol, name)) return;
  faults.warning("ssl_early_data on: whoever records a request to " + name_of(block) +
                     " can send it to the backend again",
                 "write beside its users_auth.conf: " + header + " " + name +
                     " $ssl_early_data;  and let the backend answer 425; or " + kNoEarlyData);
}

/// The zones that count in a block, each with its line.
std::vector<std::string> lines_of(const Directive& block, std::string_view name) {
  std::vector<std::string> lines;
  for (const Directive* one : in_effect(block, name)) {
    lines.push_back(join(one->words) + ";");
  }
  return lines;
}

std::string zone_of(const std::string& line) {
  const auto start = line.find(' ') + 1;
  const std::string zone = line.substr(start, line.find_first_of(" ;", start) - start);
  return zone.starts_with("zone=") ? zone.substr(5) : zone;
}

}  // namespace

void find_openings(Faults& faults, const Site& site) {
  if (site.is_protected.empty()) return;
  for (const Directive* parser : site.parsers) {
    if (value_in_effect(*parser, "merge_slashes") != "off") continue;
    faults.problem("merge_slashes off of " + in_effect(*parser, "merge_slashes").front()->file +
                       ": //members/ goes past location ^~ /members/",
                   "remove that line; it counts for all servers of one address");
  }
  for (const Directive* block : site.is_protected) {
    if (lets_any_in(*block) && !lets_any_in(*block->around)) {
      faults.problem(name_of(*block) +
                         ": satisfy any is in effect, so an address that is allowed or a "
                         "password of auth_basic takes the place of a session",
                     "write into it: satisfy all;");
    }
    find_answers_before_the_check(faults, site, *block);
    find_ways_out(faults, site, *block);
  }
  for (const Directive* block : site.blocks) {
    if (!needs_session(*block) && needs_session(*block->around) && !is_ours(*block)) {
      faults.warning(
          name_of(*block) + " asks for no session, though it stands in a location that does",
          "remove its auth_request unless it is meant for everybody");
    }
  }
}

void find_caches(Faults& faults, const Site& site) {
  for (const Directive* block : site.is_protected) {
    for (const Protocol& protocol : kProtocols) judge_cache(faults, *block, protocol);
  }
}

void find_early_data(Faults& faults, const Site& site) {
  const bool is_on = std::ranges::any_of(site.parsers, [](const Directive* parser) {
    return value_in_effect(*parser, "ssl_early_data") == "on";
  });
  if (!is_on) return;
  // Under /users/ users.conf answers what changes something with 425 (RFC 8470).
  for (const Directive* block : site.is_protected) {
    for (const Protocol& protocol : kProtocols) judge_early_data(faults, *block, protocol);
  }
}

void find_lost_limits(Faults& faults, const Site& site) {
  for (const Directive* block : site.is_protected) {
    for (const char* name : {"limit_req", "limit_conn"}) {
      if (own(*block, name).empty()) continue;
      const auto counting = lines_of(*block, name);
      std::vector<std::string> zones;
      std::vector<std::string> lines;
      for (const std::string& line : lines_of(*block->around, name)) {
        if (std::ranges::find(counting, zone_of(line), zone_of) != counting.end()) continue;
        zones.push_back(zone_of(line));
        lines.push_back(line);
      }
      if (zones.empty()) continue;
      faults.warning("zone " + join(zones) + ", which counts further out, does not count in " +
                         name_of(*block) + ", which has a " + name + " of its own",
                     "write into it: " + join(lines));
    }
  }
}

}  // namespace users::ctl
