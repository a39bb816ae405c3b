// What the checks of nginx's directives share.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "ctl/doctor/doctor.hpp"
#include "ctl/doctor/nginx_tree.hpp"

namespace users::ctl {

/// What the configuration has of the shipped files. Finds the pools' sockets.
void check_service(Diagnosis& d, const NginxTree& tree, const std::filesystem::path& prefix);
/// Who gets into a protected location, and whom a backend takes a client for.
void check_locations(Diagnosis& d, const NginxTree& tree);

/// A server that includes users.conf.
struct Site {
  const Directive* server;
  std::vector<const Directive*> blocks{};  ///< the server, its locations, and the blocks in these
  std::vector<const Directive*> is_protected{};  ///< those of them that ask for a session
  /// The server, and those whose settings may count for a request before its server is known.
  std::vector<const Directive*> parsers{};
  /// This site or another one protects something: backends have a reason to trust X-User-Id.
  bool backends_trust = false;
};

/// What is wrong with a site, by one check.
using Faults = std::vector<Finding>;
void find_forgeries(Faults& faults, const Site& site);
void find_caches(Faults& faults, const Site& site);
void find_early_data(Faults& faults, const Site& site);
void find_openings(Faults& faults, const Site& site);
void find_rivals(Faults& faults, const Site& site);
void find_lost_limits(Faults& faults, const Site& site);

/// Whether a request needs a session in this block.
bool needs_session(const Directive& block);

/// How a message names a block: `location ^~ /members/ of FILE`.
std::string name_of(const Directive& block);

/// What a location is for, also where no blank stands between the two: `location ~\.php$`.
struct Pattern {
  std::string modifier;  ///< `=`, `^~`, `~`, `~*`, `@`; empty for a plain prefix
  std::string path;
  [[nodiscard]] bool is_expression() const { return modifier.starts_with('~'); }
};
Pattern pattern_of(const Directive& location);

/// How nginx passes requests on, and how it tells a backend who the client is.
struct Protocol {
  std::string name;    ///< `NAME_pass` passes a request on
  std::string header;  ///< the directive that sets a header or a parameter
  [[nodiscard]] bool is_http() const { return header.ends_with("_header"); }
  /// What a backend gets as this header.
  [[nodiscard]] std::string name_for(std::string header_name) const;
};

/// By which a block itself passes requests on.
std::vector<Protocol> protocols_of(const Directive& block);

}  // namespace users::ctl
