// doctor: the sites of an nginx, which user their backends see, and who gets their replies.
#include <algorithm>
#include <set>

#include <strings.h>

#include "accounts/access_rule.hpp"
#include "ctl/doctor/nginx.hpp"

namespace users::ctl {
namespace {

struct Listen {
  const Directive* server;
  std::string address = "*:80";  ///< in one notation
  bool is_default = false;
  bool is_tls = false;
};

void add_listens(std::vector<Listen>& listens, const Directive& server) {
  const auto lines = own(server, "listen");
  if (lines.empty()) listens.push_back({&server});
  for (const Directive* line : lines) {
    const auto has = [&](const char* word) { return std::ranges::count(line->words, word) > 0; };
    std::string address = line->words.at(1);
    if (address.find_first_not_of("0123456789") == std::string::npos) address.insert(0, "*:");
    const bool has_port = address.find(':', address.rfind(']') + 1) != std::string::npos;
    if (!has_port) address += ":80";
    if (address.starts_with("0.0.0.0:")) address.replace(0, 7, "*");
    listens.push_back(
        {&server, address, has("default_server") || has("default"), has("ssl") || has("quic")});
  }
}

/// Until nginx has read Host, the settings of the address's default server apply, or those of the
/// server that the client names in the TLS handshake.
void find_parsers(Site& site, const std::vector<Listen>& listens) {
  site.parsers = {site.server};
  for (const Listen& ours : listens) {
    if (ours.server != site.server) continue;
    auto same = listens;
    std::erase_if(same, [&](const Listen& one) { return one.address != ours.address; });
    if (std::ranges::none_of(same, &Listen::is_tls)) {
      const auto by_default = std::ranges::find(same, true, &Listen::is_default);
      same = {by_default == same.end() ? same.front() : *by_default};
    }
    for (const Listen& one : same) site.parsers.push_back(one.server);
  }
}

std::vector<Site> find_sites(const NginxTree& tree) {
  std::vector<Listen> listens;
  std::vector<Site> sites;
  for (const Directive& one : tree.all) {
    // Servers of mail and streams do not count.
    const Directive* server = enclosing(one, {"server"});
    if (server == nullptr || !is(*server->around, {"http"})) continue;
    if (&one == server) add_listens(listens, *server);
    if (is(one, {"location", "^~", "/users/"}) && one.around == server) sites.push_back({server});
  }
  for (const Directive& one : tree.all) {
    const auto site = std::ranges::find(sites, enclosing(one, {"server"}), &Site::server);
    if (site == sites.end() || !is_any(one, {"server", "location", "if", "limit_except"})) continue;
    site->blocks.push_back(&one);
    if (needs_session(one)) site->is_protected.push_back(&one);
  }
  for (Site& site : sites) find_parsers(site, listens);
  return sites;
}

/// How nginx passes requests on and sets what a backend learns of the client.
struct Protocol {
  std::string name;    ///< `NAME_pass` passes a request on
  std::string header;  ///< the directive that sets a header or a parameter

  [[nodiscard]] bool has_parameters() const { return header.ends_with("_param"); }
  /// What the directive calls a header.
  [[nodiscard]] std::string name_of(std::string_view header_name) const {
    return has_parameters() ? "HTTP_" + underscored(header_name) : std::string(header_name);
  }
  static std::string underscored(std::string_view header_name) {
    std::string name(header_name);
    std::ranges::replace(name, '-', '_');
    return name;
  }
};
const Protocol kProtocols[] = {{"proxy", "proxy_set_header"},
                               {"grpc", "grpc_set_header"},
                               {"fastcgi", "fastcgi_param"},
                               {"uwsgi", "uwsgi_param"},
                               {"scgi", "scgi_param"}};

/// Calls `judge` for each protocol by which a block itself passes requests on.
template <class Judge>
void for_each_pass(const std::vector<const Directive*>& blocks, Judge judge) {
  for (const Directive* block : blocks) {
    for (const Protocol& protocol : kProtocols) {
      if (!own(*block, protocol.name + "_pass").empty()) judge(*block, protocol);
    }
  }
}

/// Returns true if nginx sets this header or parameter, in any case, for a block's backend, and not
/// to what the client sent.
bool sets(const Directive& block, const Protocol& protocol, const std::string& name) {
  bool is_set = false;
  for (const Directive* one : in_effect(block, protocol.header)) {
    const auto& words = one->words;
    if (words.size() < 3 || ::strcasecmp(words[1].c_str(), name.c_str()) != 0) continue;
    if (words[2].starts_with("$http_")) return false;
    is_set = true;
  }
  return is_set;
}

bool sets_identity(const Directive& block, const Protocol& protocol) {
  // Many backends treat both spellings of a header as one.
  const bool is_ambiguous =
      !protocol.has_parameters() && value_in_effect(block, "underscores_in_headers") == "on";
  return std::ranges::all_of(kIdentityHeaders, [&](std::string_view name) {
    return sets(block, protocol, protocol.name_of(name)) &&
           (!is_ambiguous || sets(block, protocol, Protocol::underscored(name)));
  });
}

/// Returns true if a block should set the identity, as the blocks around it do.
bool has_lost_identity(const Directive& block, const Protocol& protocol) {
  for (const Directive* at = block.around; at != nullptr; at = at->around) {
    if (sets_identity(*at, protocol)) return true;
  }
  return has_check(block);
}

void find_forgeries(Faults& faults, const Site& site) {
  find_off(faults, site, "ignore_invalid_headers", "a client's own X.User.Id reaches the backends");
  for_each_pass(site.blocks, [&](const Directive& block, const Protocol& protocol) {
    if (value_in_effect(block, protocol.name + "_pass_request_headers") == "off") return;
    if (sets_identity(block, protocol)) return;
    const std::string advice = std::string("write into it: include snippets/users-fcgi/") +
                               (has_check(block) ? "users_identity.conf;" : "users_strip.conf;");
    std::string found = name_of(block) + " passes a client's own X-User-Id on to its backend";
    if (!has_lost_identity(block, protocol)) return faults.push_back(warning(found, advice));
    if (!own(block, protocol.header).empty()) {
      found += ": each " + protocol.header + " of its own replaces all that it would inherit";
    }
    faults.push_back(problem(found, advice));
  });
}

/// The cache of the check's own replies: what admits to one location must not admit to another.
void find_check_caches(Faults& faults, const Site& site) {
  for (const Directive* block : site.blocks) {
    const std::string zone = value_in_effect(*block, "fastcgi_cache");
    if (!is(*block, {"location", "^~", kCheckPath}) || zone.empty() || zone == "off") continue;
    std::string key = value_in_effect(*block, "fastcgi_cache_key");
    // set_sha1 computes a variable from other words.
    for (const Directive* one : block->inside) {
      if (one->words[0].starts_with("set") && one->words.size() > 2 && one->words[1] == key) {
        key = one->words[2];
        break;
      }
    }
    if (key.find("$uri") != std::string::npos) continue;
    faults.push_back(
        problem("the key of fastcgi_cache " + zone + " in " + name_of(*block) +
                    " has no rule: who gets into one protected location gets into all",
                "install users_check_cache.conf.example as users_check_cache.conf again"));
  }
}

void find_caches(Faults& faults, const Site& site) {
  find_check_caches(faults, site);
  for_each_pass(site.blocks, [&](const Directive& block, const Protocol& protocol) {
    if (!has_check(block)) return;
    const std::string name = protocol.name + "_cache";
    const std::string zone = value_in_effect(block, name);
    const std::string key = value_in_effect(block, name + "_key");
    if (zone.empty() || zone == "off" || key.find("$users_id") != std::string::npos) return;
    faults.push_back(
        problem(name_of(block) + ": " + name + " " + zone + " gives the page of one user to others",
                "write into it: " + name + " off;  or add $users_id to its " + name + "_key"));
  });
}

void find_early_data(Faults& faults, const Site& site) {
  const bool is_on = std::ranges::any_of(site.parsers, [](const Directive* parser) {
    return value_in_effect(*parser, "ssl_early_data") == "on";
  });
  if (!is_on) return;
  // Under /users/ users.conf itself replies 425 (RFC 8470).
  for_each_pass(site.blocks, [&](const Directive& block, const Protocol& protocol) {
    const std::string early_data = protocol.name_of("Early-Data");
    if (!has_check(block) || sets(block, protocol, early_data)) return;
    faults.push_back(
        warning("ssl_early_data on: anybody who records a request to " + name_of(block) +
                    " can send it to the backend again",
                "write into it, behind its include: " + protocol.header + " " + early_data +
                    " $ssl_early_data;  and let the backend reply 425; or set ssl_early_data off; "
                    "in each server block of its address"));
  });
}

/// Browsers refuse a cookie for a domain that the host does not belong to.
Finding judge_cookie_domain(const std::string& domain, const std::vector<Site>& sites) {
  if (domain.empty()) return ok("the cookie is of one host");
  for (const Site& site : sites) {
    for (const Directive* line : own(*site.server, "server_name")) {
      for (auto name = line->words.begin() + 1; name != line->words.end(); ++name) {
        const bool is_pattern = name->starts_with('~') || name->find('.') == std::string::npos;
        if (is_pattern || *name == domain || name->ends_with("." + domain)) continue;
        return warning("server_name " + *name + " of " + line->file +
                           " is not below session.cookie_domain, " + domain +
                           ": browsers do not keep the cookie there",
                       "correct one of the two, or serve that name by a server without users.conf");
      }
    }
  }
  return ok("every server_name is below " + domain);
}

/// Names something that could not be read and may belong to a site; empty if there is none.
std::string unread_of(const NginxTree& tree, const std::vector<Site>& sites) {
  for (const Unread& one : tree.unread) {
    const Directive* server = enclosing(*one.around, {"server"});
    if (server == nullptr || std::ranges::count(sites, server, &Site::server) > 0) {
      return "not looked at: " + one.what;
    }
  }
  return "";
}

struct Check {
  const char* name;
  void (*find)(Faults&, const Site&);
  const char* fine;
};
constexpr Check kChecks[] = {
    {"nginx identity", find_forgeries, "no client can forge its identity"},
    {"nginx session", find_openings, "every protected location requires a session"},
    {"nginx rules", find_rules, "every rule can be met"},
    {"nginx precedence", find_rivals, "no location takes precedence over a protected one"},
    {"nginx cache", find_caches, "no cache stores what one user gets"},
    {"nginx early data", find_early_data, "no recorded request can be repeated"},
    {"nginx site limits", find_lost_limits, "all apply in the protected locations, too"}};

}  // namespace

void find_off(Faults& faults, const Site& site, const std::string& name, const std::string& fault) {
  for (const Directive* parser : site.parsers) {
    if (value_in_effect(*parser, name) != "off") continue;
    const std::string& file = in_effect(*parser, name).front()->file;
    return faults.push_back(problem(name + " off of " + file + ": " + fault,
                                    "remove that line; it applies to all servers of one address"));
  }
}

bool passes_on(const Directive& block) {
  return std::ranges::any_of(kProtocols, [&](const Protocol& protocol) {
    return !own(block, protocol.name + "_pass").empty();
  });
}

void check_locations(Diagnosis& d, const NginxTree& tree) {
  constexpr std::size_t kMostRows = 10;
  std::vector<Site> sites = find_sites(tree);
  const std::string unread = unread_of(tree, sites);
  if (d.config) {
    d.add("cookie domain", judge_cookie_domain(d.config->session_cookie_domain, sites));
  }
  // Without a protected location no backend trusts X-User-Id.
  const bool is_unused = std::ranges::none_of(sites, [](const Site& site) {
    return std::ranges::any_of(site.blocks, [](const Directive* one) { return has_check(*one); });
  });
  for (const Site& site : sites) {
    for (std::string& group : groups_in_rules(site)) d.groups_in_rules.insert(std::move(group));
  }
  if (is_unused) sites.clear();
  for (const Check& check : kChecks) {
    Faults faults;
    for (const Site& site : sites) check.find(faults, site);
    // The faults of a file that two servers include are found twice.
    std::set<std::string> seen;
    for (const Finding& fault : faults) {
      if (seen.size() < kMostRows && seen.insert(fault.found).second) d.add(check.name, fault);
    }
    if (!faults.empty()) continue;
    d.add(check.name,
          !unread.empty() ? skipped(unread) : ok(is_unused ? "nothing is protected" : check.fine));
  }
}

}  // namespace users::ctl
