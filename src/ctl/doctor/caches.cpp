// doctor: caches that give what one user gets to others, or keep it for too long.
#include <algorithm>
#include <array>
#include <cctype>
#include <cstdlib>
#include <map>
#include <set>

#include <boost/algorithm/string/join.hpp>

#include "accounts/access_rule.hpp"
#include "ctl/doctor/site.hpp"

namespace users::ctl {
namespace {

/// The variables in a text, without signs.
std::set<std::string> variables_in(const std::string& text) {
  std::set<std::string> names;
  for (auto sign = std::ranges::find(text, '$'); sign != text.end();) {
    auto begin = sign + 1;
    if (begin != text.end() && *begin == '{') ++begin;
    const auto end = std::find_if_not(
        begin, text.end(), [](unsigned char c) { return std::isalnum(c) != 0 || c == '_'; });
    if (begin != end) names.emplace(begin, end);
    sign = std::find(end, text.end(), '$');
  }
  return names;
}

bool is_hash(const std::string& name) {
  return std::ranges::any_of(std::array{"sha", "md5", "hmac"}, [&](const char* hash) {
    return name.find(hash) != std::string::npos;
  });
}

/// The variables of a key.
struct Key {
  std::set<std::string> readable;
  std::set<std::string> all;  ///< also those that it contains as a hash
};

void add_variables(Key& key, const Directive& block, const std::string& text, bool is_readable);

/// Adds the variables from which a `map`, a `set` or its like computes a variable.
void add_sources(Key& key, const Directive& block, const std::string& name, bool is_readable) {
  for (const Directive* at = &block; at != nullptr; at = at->around) {
    for (const Directive* one : at->inside) {
      const auto& words = one->words;
      if (words.size() < 3) continue;
      if (words[0] == "map" && words[2] == name) add_variables(key, block, words[1], false);
      if (!words[0].starts_with("set") || words[1] != name) continue;
      add_variables(key, block, words[2], is_readable && !is_hash(words[0]));
    }
  }
}

/// Adds the variables in a text, and those from which they are computed.
void add_variables(Key& key, const Directive& block, const std::string& text, bool is_readable) {
  for (const std::string& name : variables_in(text)) {
    const bool is_new = key.all.insert(name).second;
    const bool is_shown = is_readable && key.readable.insert(name).second;
    if (is_new || is_shown) add_sources(key, block, "$" + name, is_readable);
  }
}

/// Reads a time such as 90, 5s or 1h30m, in seconds.
long long seconds_in(const std::string& text) {
  const std::map<char, long long> units{{'s', 1},         {'m', 60},      {'h', 3'600},
                                        {'d', 86'400},    {'w', 604'800}, {'M', 2'592'000},
                                        {'y', 31'536'000}};
  long long sum = 0;
  const char* at = text.c_str();
  while (*at >= '0' && *at <= '9') {
    char* end = nullptr;
    const long long number = std::strtoll(at, &end, 10);
    const auto unit = units.find(*end);
    sum += number * (unit == units.end() ? 1 : unit->second);
    at = unit == units.end() ? end : end + 1;
  }
  return sum;
}

/// How long a block keeps the reply that admits a request; empty if not at all.
std::string time_of_admission(const Directive& block) {
  for (const Directive* one : in_effect(block, "fastcgi_cache_valid")) {
    const bool is_204 = std::ranges::count(one->words, "204") > 0;
    if (is_204 || std::ranges::count(one->words, "any") > 0) return one->words.back();
  }
  return "";
}

/// The cache of the check's own replies: what admits to one location must not admit to another.
void judge_check_cache(Faults& faults, const Directive& block, const std::string& zone) {
  const std::string name = "fastcgi_cache " + zone + " in " + name_of(block);
  const std::string advice =
      "install users_check_cache.conf.example as users_check_cache.conf again";
  Key key;
  add_variables(key, block, value_in_effect(block, "fastcgi_cache_key"), true);
  std::vector<std::string> missing;
  for (const char* part : {"uri", "host", "http_authorization", "http_cookie"}) {
    if (!key.all.contains(part)) missing.push_back("$" + std::string(part));
  }
  if (!missing.empty()) {
    faults.push_back(problem("the key of " + name + " has no " + boost::join(missing, ", ") +
                                 ": a reply for one request admits another",
                             advice));
  }
  if (key.readable.contains("http_authorization") || key.readable.contains("http_cookie")) {
    faults.push_back(warning(
        "the key of " + name + " has no hash of the credentials: tokens stand in the cache files",
        advice));
  }
  const std::string time = time_of_admission(block);
  if (seconds_in(time) > 60) {
    faults.push_back(warning(
        name + " keeps replies for " + time + ": for so long a session that has ended gets in",
        advice));
  }
}

void find_check_caches(Faults& faults, const Site& site) {
  for (const Directive* block : site.blocks) {
    if (!is(*block, {"location", "^~", kCheckPath}) &&
        !is(*block, {"location", "=", kOptionalCheck})) {
      continue;
    }
    const std::string zone = value_in_effect(*block, "fastcgi_cache");
    if (!zone.empty() && zone != "off") judge_check_cache(faults, *block, zone);
  }
}

/// Finds an `expires` that lets browsers and proxies keep a private page.
void find_expires(Faults& faults, const Site& site) {
  for (const Directive* block : site.is_protected) {
    // An inherited one is reported for the outer block.
    const bool is_reported = own(*block, "expires").empty() && needs_session(*block->around);
    const auto lines = in_effect(*block, "expires");
    if (is_reported || is_ours(*block) || lines.empty()) continue;
    const std::string& time = lines.front()->words.back();
    const bool is_harmless = time == "off" || time == "epoch" || time == "0" ||
                             time.starts_with('-') || time.starts_with('$');
    if (is_harmless) continue;
    faults.push_back(warning(
        name_of(*block) + ": expires " + time + " lets browsers and caches keep a private page",
        "write into it: expires off;"));
  }
}

}  // namespace

void find_caches(Faults& faults, const Site& site) {
  find_check_caches(faults, site);
  find_expires(faults, site);
  for_each_pass(site.blocks, [&](const Directive& block, const Protocol& protocol) {
    if (!has_check(block) || is_ours(block)) return;
    const std::string name = protocol.name + "_cache";
    const std::string zone = value_in_effect(block, name);
    const std::string key = value_in_effect(block, name + "_key");
    if (zone.empty() || zone == "off" || variables_in(key).contains("users_id")) return;
    faults.push_back(
        problem(name_of(block) + ": " + name + " " + zone + " gives the page of one user to others",
                "write into it: " + name + " off;  or add $users_id to its " + name + "_key"));
  });
}

}  // namespace users::ctl
