// doctor: servers without users.conf that lead to the backends and files of protected locations.
#include <algorithm>
#include <set>

#include <boost/algorithm/string/case_conv.hpp>
#include <boost/algorithm/string/join.hpp>

#include "ctl/doctor/site.hpp"

namespace users::ctl {
namespace {

/// The address in the argument of a *_pass, without its path, as HOST:PORT or unix:PATH; empty if
/// variables decide.
std::string address_of(std::string to) {
  const bool is_tls = to.starts_with("https://") || to.starts_with("grpcs://");
  if (const auto scheme = to.find("://"); scheme != std::string::npos) to.erase(0, scheme + 3);
  if (to.starts_with("unix:")) return to.substr(0, to.find(':', 5));
  for (const char* path : {"/", "$request_uri", "$uri", "?"}) to = to.substr(0, to.find(path));
  if (to.find('$') != std::string::npos || to.empty()) return "";
  boost::to_lower(to);
  if (to.starts_with("localhost")) to.replace(0, 9, "127.0.0.1");
  const bool has_port = to.find(':', to.rfind(']') + 1) != std::string::npos;
  return has_port ? to : to + (is_tls ? ":443" : ":80");
}

/// The addresses that a block itself passes requests on to; those of an upstream's servers.
std::set<std::string> backends_of(const Directive& block, const Protocol& protocol) {
  std::set<std::string> addresses;
  for (const Directive* line : own(block, protocol.name + "_pass")) {
    const std::string address = address_of(line->words.at(1));
    bool is_upstream = false;
    for (const Directive* one : own(*enclosing(block, {"http"}), "upstream")) {
      const std::string name = boost::to_lower_copy(one->words.at(1));
      if (address != address_of(name) && address != name + ":443") continue;
      is_upstream = true;
      for (const Directive* server : own(*one, "server")) {
        addresses.insert(address_of(server->words.at(1)));
      }
    }
    if (!is_upstream) addresses.insert(address);
  }
  addresses.erase("");
  return addresses;
}

std::string common(const std::set<std::string>& ours, const std::set<std::string>& others) {
  const auto found =
      std::ranges::find_if(ours, [&](const auto& one) { return others.contains(one); });
  return found == ours.end() ? "" : *found;
}

/// Returns true if the site itself passes requests on to this server.
bool is_backend(const Directive& server, const std::set<std::string>& backends) {
  return std::ranges::any_of(own(server, "listen"), [&](const Directive* line) {
    return backends.contains(address_of(line->words.at(1)));
  });
}

/// Returns true if a server or location gives its files to everybody: nothing else replies, and
/// nothing restricts it.
bool serves_files(const Directive& block) {
  const auto is_on = [&](const char* name) {
    const std::string value = value_in_effect(block, name);
    return !value.empty() && value != "off";
  };
  const auto tries = in_effect(block, "try_files");
  const bool tries_others =
      !tries.empty() && std::ranges::none_of(tries.front()->words, [](auto& word) {
        return word.find("$uri") != std::string::npos;
      });
  return !is_on("auth_request") && !is_on("auth_basic") && !is_on("ssl_verify_client") &&
         !is_on("deny") && !is_on("secure_link") && !is_on("alias") && !tries_others &&
         !refuses(block) && !passes_on(block) && own(block, "return").empty();
}

/// Returns true if a server redirects or refuses all requests.
bool serves_nothing(const Directive& server) {
  return refuses(server) ||
         std::ranges::any_of(own(server, "rewrite"), [](auto* one) { return is_redirect(*one); });
}

}  // namespace

void find_shared_backends(Faults& faults, const Site& site) {
  std::set<std::string> backends;
  for_each_pass(site.blocks, [&](const Directive& block, const Protocol& protocol) {
    if (has_check(block) && !is_ours(block)) backends.merge(backends_of(block, protocol));
  });
  for (const Directive* server : site.others) {
    if (is_backend(*server, backends)) continue;
    for_each_pass(blocks_of(*server), [&](const Directive& block, const Protocol& protocol) {
      const std::string address = common(backends_of(block, protocol), backends);
      if (address.empty() || strips_identity(block, protocol)) return;
      faults.push_back(problem(name_of_server(*server) + ": " + boost::join(block.words, " ") +
                                   " passes a client's own X-User-Id on to " + address +
                                   ", which believes it",
                               "write into it: include snippets/users-fcgi/users_strip.conf;"));
    });
  }
}

void find_open_files(Faults& faults, const Site& site) {
  for (const Directive* block : site.is_protected) {
    const std::string root = value_in_effect(*block, "root");
    if (!is(*block, {"location"}) || is_ours(*block) || root.empty() || passes_on(*block)) continue;
    if (!own(*block, "return").empty() || !in_effect(*block, "alias").empty()) continue;
    const Pattern pattern = pattern_of(*block);
    if (pattern.is_expression() || pattern.modifier == "@") continue;
    const bool is_exact = pattern.modifier == "=";
    const std::string same = (is_exact ? "= " : "^~ ") + pattern.path;
    for (const Directive* server : site.others) {
      const Directive* location = find_location(*server, pattern.path + (is_exact ? "" : "x"));
      const Directive& other = location == nullptr ? *server : *location;
      if (serves_nothing(*server) || !serves_files(other)) continue;
      if (value_in_effect(other, "root") != root) continue;
      faults.push_back(warning(name_of_server(*server) + " serves the files of the protected " +
                                   name_of(*block) + " without a session",
                               "write into that server: location " + same +
                                   " { return 404; }  or protect it there, too"));
    }
  }
}

}  // namespace users::ctl
