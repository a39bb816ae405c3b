// doctor: the sites of an nginx, and the checks of their locations.
#include "ctl/doctor/locations.hpp"

#include <algorithm>
#include <cctype>
#include <set>

namespace users::ctl {
namespace {

struct Listen {
  const Directive* server;
  std::string address = "*:80";  ///< as nginx tells addresses apart
  bool is_default = false;
  bool is_tls = false;
};

void add_listens(std::vector<Listen>& listens, const Directive& server) {
  const auto lines = own(server, "listen");
  if (lines.empty()) listens.push_back({&server});
  for (const Directive* line : lines) {
    Listen listen{&server, line->words.at(1)};
    std::string& address = listen.address;
    if (address.find_first_not_of("0123456789") == std::string::npos) address.insert(0, "*:");
    const bool has_port = address.find(':', address.rfind(']') + 1) != std::string::npos;
    if (!has_port) address += ":80";
    if (address.starts_with("0.0.0.0:")) address.replace(0, 7, "*");
    for (const std::string& word : line->words) {
      listen.is_default = listen.is_default || word == "default_server" || word == "default";
      listen.is_tls = listen.is_tls || word == "ssl" || word == "quic";
    }
    listens.push_back(std::move(listen));
  }
}

/// nginx reads the request line and the headers before Host with the settings of the default server
/// of the address, or of the one that the client names in the TLS handshake, whatever Host says.
void find_parsers(Site& site, const std::vector<Listen>& listens) {
  site.parsers = {site.server};
  for (const Listen& ours : listens) {
    if (ours.server != site.server) continue;
    std::vector<Listen> same;
    std::ranges::copy_if(listens, std::back_inserter(same),
                         [&](const Listen& listen) { return listen.address == ours.address; });
    if (std::ranges::none_of(same, &Listen::is_tls)) {
      const auto by_default = std::ranges::find(same, true, &Listen::is_default);
      same = {by_default == same.end() ? same.front() : *by_default};
    }
    for (const Listen& listen : same) site.parsers.push_back(listen.server);
  }
}

std::vector<Site> find_sites(const NginxTree& tree) {
  std::vector<Listen> listens;
  std::vector<Site> sites;
  for (const Directive& one : tree.all) {
    // The modules for mail and streams have servers of their own.
    const Directive* server = enclosing(one, "server");
    if (server == nullptr || server->around == nullptr || !is(*server->around, {"http"})) continue;
    if (&one == server) add_listens(listens, *server);
    if (is(one, {"location", "^~", "/users/"}) && one.around == server) sites.push_back({server});
  }
  for (const Directive& one : tree.all) {
    const bool is_block = is(one, {"server"}) || is(one, {"location"}) || is(one, {"if"}) ||
                          is(one, {"limit_except"});
    const auto site = std::ranges::find(sites, enclosing(one, "server"), &Site::server);
    if (!is_block || site == sites.end()) continue;
    site->blocks.push_back(&one);
    if (needs_session(one)) site->is_protected.push_back(&one);
  }
  const bool protects =
      std::ranges::any_of(sites, [](const Site& site) { return !site.is_protected.empty(); });
  for (Site& site : sites) {
    find_parsers(site, listens);
    site.backends_trust = protects;
  }
  return sites;
}

/// What could not be read and belongs to a site; empty if there is nothing of the kind.
std::string unread_of(const NginxTree& tree, const std::vector<Site>& sites) {
  for (const Unread& one : tree.unread) {
    const Directive* server = one.around == nullptr ? nullptr : enclosing(*one.around, "server");
    if (server == nullptr || std::ranges::count(sites, server, &Site::server) > 0) {
      return "not looked at: " + one.what;
    }
  }
  return "";
}

}  // namespace

bool needs_session(const Directive& block) {
  return value_in_effect(block, "auth_request").starts_with("/users/_auth");
}

std::string name_of(const Directive& block) {
  const bool is_inner = is(block, {"if"}) || is(block, {"limit_except"});
  return join(block.words) +
         (is_inner && block.around != nullptr ? " in " + join(block.around->words) : "") + " of " +
         block.file;
}

Pattern pattern_of(const Directive& location) {
  const auto& words = location.words;
  if (words.size() > 2) return {words[1], words[2]};
  if (words.size() < 2) return {};
  for (const std::string modifier : {"=", "^~", "~*", "~", "@"}) {
    if (words[1].starts_with(modifier)) return {modifier, words[1].substr(modifier.size())};
  }
  return {"", words[1]};
}

std::string Protocol::name_for(std::string header_name) const {
  if (is_http()) return header_name;
  for (char& c : header_name) {
    c = c == '-' ? '_' : static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  }
  return "HTTP_" + header_name;
}

std::vector<Protocol> protocols_of(const Directive& block) {
  std::vector<Protocol> found;
  for (const std::string name : {"proxy", "grpc", "fastcgi", "uwsgi", "scgi"}) {
    const bool is_http = name == "proxy" || name == "grpc";
    if (own(block, name + "_pass").empty()) continue;
    found.push_back({name, name + (is_http ? "_set_header" : "_param")});
  }
  return found;
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
  constexpr std::size_t kMostRows = 10;
  const std::vector<Site> sites = find_sites(tree);
  const std::string unread = unread_of(tree, sites);
  const bool protects = std::ranges::count(sites, true, &Site::backends_trust) > 0;
  for (const Check& check : kChecks) {
    Faults faults;
    for (const Site& site : sites) check.find(faults, site);
    // A file that two servers include has its faults twice.
    std::set<std::string> seen;
    for (const Finding& fault : faults) {
      if (seen.size() < kMostRows && seen.insert(fault.found).second) d.add(check.name, fault);
    }
    if (!faults.empty()) continue;
    d.add(check.name,
          unread.empty() ? ok(protects ? check.fine : "nothing is protected") : skipped(unread));
  }
}

}  // namespace users::ctl
