// doctor: ways into a protected location without a session or past the site's limits.
#include <algorithm>
#include <map>

#include <boost/algorithm/string/join.hpp>

#include "accounts/access_rule.hpp"
#include "ctl/doctor/site.hpp"

namespace users::ctl {
namespace {

/// Returns true if a location passes requests on that `block` would refuse.
bool lets_in(const Directive* target, const Directive& block) {
  return target != nullptr && !is_as_strict(*target, block) && !is_ours(*target) &&
         passes_on(*target);
}

/// Where error_page sends requests of this status in a block; empty if nowhere. The first line
/// counts.
std::string page_of(const Directive& block, const std::string& status) {
  for (const Directive* one : in_effect(block, "error_page")) {
    if (std::ranges::count(one->words, status) > 0) return one->words.back();
  }
  return "";
}

std::string why_open(const Directive& target) {
  return needs_session(target) ? ", whose rule admits more" : ", which needs no session";
}

Finding unknown_page(const std::string& name, const std::string& page) {
  return warning(name + " leads to " + page + ", which doctor cannot follow",
                 "make sure that it leads to no backend without a session");
}

/// The status that error_page replaces if a `return` has it; empty if the line itself is the reply.
std::string status_of(const Directive& line) {
  const std::string& code = line.words.at(1);
  if (code.find_first_not_of("0123456789") != std::string::npos) return "302";
  const bool has_text = line.words.size() > 2 && !code.starts_with('3');
  return has_text || code.starts_with('2') ? "" : code;
}

void judge_return(Faults& faults, const Site& site, const Directive& block, const Directive& line) {
  const std::string& code = line.words.at(1);
  if (code.starts_with('2') && line.words.size() > 2) {
    faults.push_back(
        problem(name_of(block) + ": return " + code + " replies without a session",
                "write what it returns into a file and serve that with root or alias"));
  }
  const std::string status = status_of(line);
  const std::string page = status.empty() ? "" : page_of(block, status);
  const std::string name = "error_page " + status + " for return " + code + " in " + name_of(block);
  if (page.starts_with('$')) return faults.push_back(unknown_page(name, page));
  const Directive* target = find_location(*site.server, page);
  if (!lets_in(target, block)) return;
  faults.push_back(problem(name + " leads to " + name_of(*target) + why_open(*target) +
                               ", before the session is checked",
                           "write into that location, too: " + same_check(block)));
}

/// nginx executes `return` and `rewrite` before it checks the session. Errors, redirects and empty
/// replies reveal nothing.
void find_replies_before_the_check(Faults& faults, const Site& site, const Directive& block) {
  for (const Directive* one : own(block, "return")) judge_return(faults, site, block, *one);
  for (const Directive* one : own(block, "rewrite")) {
    const std::string to = one->words.at(2);
    const std::string flag = one->words.back();
    const bool stays = flag == "break" || is_redirect(*one);
    const Directive* target = find_location(*site.server, to.substr(0, to.find('$')));
    if (stays || (target != nullptr && is_as_strict(*target, block))) continue;
    faults.push_back(
        problem(name_of(block) + ": rewrite to " + to + " leaves it before the session is checked",
                std::string("write break ") + (flag == "last" ? "in place of last" : "at its end") +
                    "; or protect the location that it leads to, and begin the target with its "
                    "path"));
  }
}

/// Where requests go that nginx refuses before it checks the session, or because of that.
void find_error_pages(Faults& faults, const Site& site, const Directive& block) {
  // Inherited ones are reported for the outer block.
  if (own(block, "error_page").empty() && is_as_strict(*block.around, block)) return;
  for (const std::string status : {"401", "403", "413", "429", "500", "503"}) {
    const std::string page = page_of(block, status);
    const std::string name = "error_page " + status + " of " + name_of(block);
    const Directive* target = find_location(*site.server, page);
    if (page.starts_with('$')) {
      faults.push_back(unknown_page(name, page));
    } else if (lets_in(target, block)) {
      faults.push_back(
          warning(name + " passes refused requests on to " + name_of(*target) + why_open(*target),
                  "remove it, or write into that location " + same_check(block) +
                      ", unless its backend is for all of them"));
    }
  }
}

/// Where try_files leads after the check. Clients can request a location by its path, but no named
/// and no internal one.
void find_fallbacks(Faults& faults, const Site& site, const Directive& block) {
  for (const Directive* one : own(block, "try_files")) {
    const Directive* target = find_location(*site.server, one->words.back());
    if (!lets_in(target, block)) continue;
    const std::string name = "try_files of " + name_of(block) + " leads to " + name_of(*target);
    const std::string advice = "write into that one, too: " + same_check(block);
    const bool is_hidden = one->words.back().starts_with('@') || !own(*target, "internal").empty();
    if (!is_hidden) {
      faults.push_back(warning(name + ", which " + (needs_session(*target) ? "others" : "anybody") +
                                   " can request directly",
                               advice + "; or make it internal"));
    } else if (!has_check(*target)) {
      faults.push_back(warning(name + ", whose backend is not told who it is", advice));
    }
  }
}

bool lets_any_in(const Directive& block) {
  return needs_session(block) && value_in_effect(block, "satisfy") == "any";
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
    find_error_pages(faults, site, *block);
    find_fallbacks(faults, site, *block);
  }
  for (const Directive* block : site.blocks) {
    if (is_as_strict(*block, *block->around) || is_ours(*block)) continue;
    faults.push_back(warning(
        name_of(*block) + (needs_session(*block) ? " admits more than the location around it"
                                                 : " requires no session, but the location "
                                                   "around it does"),
        value_in_effect(*block, "auth_request") == kCheckPath
            ? "include users_identity.conf in place of users_auth.conf, unless this is meant"
            : "remove its auth_request, unless this is meant"));
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
