// What the checks of an nginx's sites share: servers, how nginx chooses a location, and how it
// passes requests on.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "ctl/doctor/nginx.hpp"

namespace users::ctl {

/// A server that includes users.conf or asks users-fcgi.
struct Site {
  const Directive* server;
  std::vector<const Directive*> blocks{};  ///< the server, its locations, and the blocks in these
  std::vector<const Directive*> is_protected{};  ///< those of `blocks` that require a session
  /// The server, and others whose settings may apply to a request before its server is known.
  std::vector<const Directive*> parsers{};
  std::vector<const Directive*> others{};  ///< the http servers that are no site
};

/// Returns a server, its locations, and the blocks in these.
std::vector<const Directive*> blocks_of(const Directive& server);

/// A server's name in a message: `server example.org of FILE`.
std::string name_of_server(const Directive& server);

// Parts of check_locations: what is wrong with one site.
using Faults = std::vector<Finding>;
void find_openings(Faults& faults, const Site& site);
void find_bypasses(Faults& faults, const Site& site);
void find_open_files(Faults& faults, const Site& site);
void find_rivals(Faults& faults, const Site& site);
void find_lost_limits(Faults& faults, const Site& site);
void find_rules(Faults& faults, const Site& site);
void find_forgeries(Faults& faults, const Site& site);
void find_shared_backends(Faults& faults, const Site& site);
void find_early_data(Faults& faults, const Site& site);
void find_caches(Faults& faults, const Site& site);

/// Adds `fault` and the advice to remove the line if a parser has this directive off.
void find_off(Faults& faults, const Site& site, const std::string& name, const std::string& fault);

/// Checks that browsers keep the cookie of each site, and the hosts that log in at another one.
void check_hosts(Diagnosis& d, const NginxTree& tree, const std::vector<Site>& sites);

/// Returns true if a server has the locations of users.conf.
bool includes_users_conf(const Directive& server);

/// Returns true if a worker is asked about requests in this block.
bool has_check(const Directive& block);

/// Returns true if a block has something of users-fcgi, even if it is wrong.
bool uses_check(const Directive& block);

/// Returns true if a request needs a session in this block.
bool needs_session(const Directive& block);

/// Returns true if the check of `block` admits nobody whom that of `other` refuses.
bool is_as_strict(const Directive& block, const Directive& other);

/// What to write into another location so that it checks as `block` does.
std::string same_check(const Directive& block);

/// The groups that the rules of a site name.
std::vector<std::string> groups_in_rules(const Site& site);

/// A location's arguments. They may have no blank between them: `location ~\.php$`.
struct Pattern {
  std::string modifier;  ///< `=`, `^~`, `~`, `~*`, `@`; empty for a plain prefix
  std::string path;
  [[nodiscard]] bool is_expression() const { return modifier.starts_with('~'); }
};
Pattern pattern_of(const Directive& location);

/// Returns whether an expression (modifier `~` or `~*`) matches a text, by nginx's own library;
/// nullopt if it is wrong or takes too long.
std::optional<bool> matches(const Pattern& pattern, const std::string& path);

/// The literal beginning of all paths of a location, in lower case, since an expression may ignore
/// case.
std::string beginning_of(const Pattern& pattern);

/// Returns the location of a URI or of a name such as `@app` in a server or location, or null.
const Directive* find_location(const Directive& level, const std::string& uri);

/// Returns true if a block belongs to a location of users.conf.
bool is_ours(const Directive& block);

/// Returns true for a `rewrite` whose reply is a redirect.
bool is_redirect(const Directive& line);

/// Returns true if a location refuses every request of a client.
bool refuses(const Directive& location);

/// How nginx passes requests on and sets what a backend learns of the client.
struct Protocol {
  std::string name;    ///< `NAME_pass` passes a request on
  std::string header;  ///< the directive that sets a header or a parameter

  [[nodiscard]] bool has_parameters() const { return header.ends_with("_param"); }
  /// What the directive calls a header.
  [[nodiscard]] std::string name_of(std::string_view header_name) const;
};
extern const std::vector<Protocol> kProtocols;

/// Calls `judge` for each protocol by which a block itself passes requests on.
template <class Judge>
void for_each_pass(const std::vector<const Directive*>& blocks, Judge judge) {
  for (const Directive* block : blocks) {
    for (const Protocol& protocol : kProtocols) {
      if (!own(*block, protocol.name + "_pass").empty()) judge(*block, protocol);
    }
  }
}

/// Returns true if a block itself, or an `if` or `limit_except` in it, passes requests on to a
/// backend.
bool passes_on(const Directive& block);

/// Returns true if no header of a client can pass for the user at a block's backend.
bool strips_identity(const Directive& block, const Protocol& protocol);

}  // namespace users::ctl
