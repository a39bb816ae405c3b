// nginx's configuration as one tree: what a file holds stands where that file is included.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "ctl/doctor/nginx_conf.hpp"

namespace users::ctl {

/// A place that doctor cannot read: an include without its file, or code in another language.
struct Unread {
  const Directive* around;  ///< the block that it stands in; null if that is not known
  std::string what;         ///< such as `content_by_lua_file of /etc/nginx/site.conf`
};

struct NginxTree {
  Directives all;  ///< in the order in which nginx reads them
  std::vector<Unread> unread;
};

/// `dump` is what `nginx -T` printed, `main` its main file, in whose folder nginx looks for what is
/// included.
NginxTree read_nginx_tree(std::string_view dump, const std::filesystem::path& main);

/// The innermost block of this name that a directive stands in, or that it is; null if there is
/// none.
const Directive* enclosing(const Directive& directive, std::string_view name);

/// The directives of this name in a block, not in blocks within it.
std::vector<const Directive*> own(const Directive& block, std::string_view name);

/// The directives of this name that count in a block. A block that has one of its own inherits none
/// from the blocks around it.
std::vector<const Directive*> in_effect(const Directive& block, std::string_view name);

/// The first argument of the directive that counts in a block; empty if there is none.
std::string value_in_effect(const Directive& block, std::string_view name);

/// The words with a blank between each two.
std::string join(const std::vector<std::string>& words);

/// How a message names a block: `location ^~ /members/ of FILE`.
std::string name_of(const Directive& block);

/// What a location is for, also where no blank stands between the two: `location ~\.php$`.
struct Pattern {
  std::string modifier;  ///< `=`, `^~`, `~`, `~*`, `@`; empty for a plain prefix
  std::string path;
  [[nodiscard]] bool is_expression() const { return modifier.starts_with('~'); }
};
Pattern pattern_of(const Directive& location);

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

std::vector<Site> find_sites(const NginxTree& tree);

/// Whether a request needs a session in this block.
bool needs_session(const Directive& block);

}  // namespace users::ctl
