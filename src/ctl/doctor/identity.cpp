// doctor: whom a backend takes a client for, and who gets what it answers.
#include <algorithm>

#include <strings.h>

#include "ctl/doctor/locations.hpp"

namespace users::ctl {
namespace {

/// Whether nginx sets this header for a block's backend, and not to what the client sent.
bool sets(const Directive& block, const Protocol& protocol, const std::string& header) {
  bool is_set = false;
  for (const Directive* one : in_effect(block, protocol.header)) {
    const auto& words = one->words;
    if (words.size() < 3) continue;
    if (::strcasecmp(words[1].c_str(), protocol.name_for(header).c_str()) != 0) continue;
    if (words[2].starts_with("$http_")) return false;
    is_set = true;
  }
  return is_set;
}

bool says_who(const Directive& block, const Protocol& protocol) {
  // Many backends take both spellings for one; of a parameter there is only one.
  const bool both = protocol.is_http() && value_in_effect(block, "underscores_in_headers") == "on";
  return sets(block, protocol, "X-User-Id") && sets(block, protocol, "X-User-Phone") &&
         (!both || sets(block, protocol, "X_User_Id"));
}

/// A block whose headers were lost, though it stands in one that had them.
bool has_lost(const Directive& block, const Protocol& protocol) {
  for (const Directive* at = block.around; at != nullptr; at = at->around) {
    if (says_who(*at, protocol)) return true;
  }
  return needs_session(block);
}

void judge_pass(Faults& faults, const Directive& block, const Protocol& protocol) {
  // Nothing of the client's arrives then.
  if (value_in_effect(block, protocol.name + "_pass_request_headers") == "off") return;
  if (says_who(block, protocol)) return;
  const bool is_protected = needs_session(block);
  // nginx refuses a second auth_request.
  const std::string advice = std::string(is_protected && !own(block, "auth_request").empty()
                                             ? "write in place of its auth_request: "
                                             : "write into it: ") +
                             "include snippets/users-fcgi/" +
                             (is_protected ? "users_auth.conf;" : "users_strip.conf;");
  const std::string found = name_of(block) + " passes a client's own X-User-Id on to its backend";
  if (!has_lost(block, protocol)) {
    faults.push_back(warning(found, advice));
  } else if (own(block, protocol.header).empty()) {
    faults.push_back(problem(found, advice));
  } else {
    faults.push_back(
        problem(found + ": each " + protocol.header + " of its own drops all that it would inherit",
                advice));
  }
}

}  // namespace

void find_forgeries(Faults& faults, const Site& site) {
  if (!site.backends_trust) return;
  for (const Directive* parser : site.parsers) {
    if (value_in_effect(*parser, "ignore_invalid_headers") != "off") continue;
    faults.push_back(
        problem("ignore_invalid_headers off of " +
                    in_effect(*parser, "ignore_invalid_headers").front()->file +
                    ": a client's own X.User.Id passes every check and reaches the backends",
                "remove that line; it counts for all servers of one address"));
  }
  for (const Directive* block : site.blocks) {
    for (const Protocol& protocol : protocols_of(*block)) judge_pass(faults, *block, protocol);
  }
}

void find_caches(Faults& faults, const Site& site) {
  for (const Directive* block : site.is_protected) {
    for (const Protocol& protocol : protocols_of(*block)) {
      const std::string name = protocol.name + "_cache";
      const std::string zone = value_in_effect(*block, name);
      const std::string key = value_in_effect(*block, name + "_key");
      if (zone.empty() || zone == "off" || key.find("$users_id") != std::string::npos) continue;
      faults.push_back(
          problem(name_of(*block) + ": " + name + " " + zone +
                      " is in effect, so the page of one user goes to another",
                  "write into it: " + name + " off;  or add $users_id to its " + name + "_key"));
    }
  }
}

void find_early_data(Faults& faults, const Site& site) {
  const bool is_on = std::ranges::any_of(site.parsers, [](const Directive* parser) {
    return value_in_effect(*parser, "ssl_early_data") == "on";
  });
  if (!is_on) return;
  // Under /users/ users.conf answers what changes something with 425 (RFC 8470).
  for (const Directive* block : site.is_protected) {
    for (const Protocol& protocol : protocols_of(*block)) {
      if (sets(*block, protocol, "Early-Data")) continue;
      faults.push_back(
          warning("ssl_early_data on: whoever records a request to " + name_of(*block) +
                      " can send it to the backend again",
                  "write beside its users_auth.conf: " + protocol.header + " " +
                      protocol.name_for("Early-Data") +
                      " $ssl_early_data;  and let the backend answer 425; or write into each "
                      "server block of its address: ssl_early_data off;"));
    }
  }
}

}  // namespace users::ctl
