// doctor: the sites of an nginx, and the table of what is checked of them.
#include <algorithm>
#include <set>

#include "ctl/doctor/site.hpp"

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

void add_blocks(std::vector<const Directive*>& blocks, const Directive& block) {
  if (!is_any(block, {"server", "location", "if", "limit_except"})) return;
  blocks.push_back(&block);
  for (const Directive* one : block.inside) add_blocks(blocks, *one);
}

bool is_site(const Site& site) {
  return std::ranges::any_of(site.server->inside,
                             [](auto* one) {
                               return is(*one, {"location", "^~", "/users/"});
                             }) ||
         std::ranges::any_of(site.blocks, [](auto* one) { return uses_check(*one); });
}

std::vector<Site> find_sites(const NginxTree& tree) {
  std::vector<Listen> listens;
  std::vector<Site> sites;
  std::vector<const Directive*> others;
  for (const Directive& one : tree.all) {
    // Servers of mail and streams do not count.
    if (!is(one, {"server"}) || one.around == nullptr || !is(*one.around, {"http"})) continue;
    add_listens(listens, one);
    Site site{&one, blocks_of(one)};
    if (!is_site(site)) {
      others.push_back(&one);
      continue;
    }
    std::ranges::copy_if(site.blocks, std::back_inserter(site.is_protected),
                         [](const Directive* block) { return needs_session(*block); });
    sites.push_back(std::move(site));
  }
  for (Site& site : sites) {
    find_parsers(site, listens);
    site.others = others;
  }
  return sites;
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
  std::vector<void (*)(Faults&, const Site&)> find;
  const char* fine;
};
const Check kChecks[] = {
    {"nginx identity", {find_forgeries, find_shared_backends}, "no client can forge its identity"},
    {"nginx session",
     {find_openings, find_bypasses, find_open_files},
     "every protected location requires a session"},
    {"nginx rules", {find_rules}, "every rule can be met"},
    {"nginx precedence", {find_rivals}, "no location takes precedence over a protected one"},
    {"nginx cache", {find_caches}, "no cache stores what one user gets"},
    {"nginx early data", {find_early_data}, "no recorded request can be repeated"},
    {"nginx site limits", {find_lost_limits}, "all apply in the protected locations, too"}};

}  // namespace

std::vector<const Directive*> blocks_of(const Directive& server) {
  std::vector<const Directive*> blocks;
  add_blocks(blocks, server);
  return blocks;
}

std::string name_of_server(const Directive& server) {
  const auto names = own(server, "server_name");
  const bool is_named = !names.empty() && names.front()->words.size() > 1;
  return "server " + (is_named ? names.front()->words[1] + " " : "") + "of " + server.file;
}

void find_off(Faults& faults, const Site& site, const std::string& name, const std::string& fault) {
  for (const Directive* parser : site.parsers) {
    if (value_in_effect(*parser, name) != "off") continue;
    const std::string& file = in_effect(*parser, name).front()->file;
    return faults.push_back(problem(name + " off of " + file + ": " + fault,
                                    "remove that line; it applies to all servers of one address"));
  }
}

void check_locations(Diagnosis& d, const NginxTree& tree) {
  constexpr std::size_t kMostRows = 10;
  std::vector<Site> sites = find_sites(tree);
  const std::string unread = unread_of(tree, sites);
  check_hosts(d, tree, sites);
  // Without a protected location no backend trusts X-User-Id.
  const bool is_unused = std::ranges::none_of(sites, [](const Site& site) {
    return std::ranges::any_of(site.blocks, [](auto* one) { return uses_check(*one); });
  });
  for (const Site& site : sites) {
    for (std::string& group : groups_in_rules(site)) d.groups_in_rules.insert(std::move(group));
  }
  if (is_unused) sites.clear();
  for (const Check& check : kChecks) {
    Faults faults;
    for (const Site& site : sites) {
      for (auto* find : check.find) find(faults, site);
    }
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
