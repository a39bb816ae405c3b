// nginx's configuration as one tree, where what a file holds stands where that file is included.
#pragma once

#include <deque>
#include <filesystem>
#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

#include "ctl/doctor/doctor.hpp"

namespace users::ctl {

struct Directive {
  std::vector<std::string> words;  ///< name and arguments, without quotes
  std::string file;
  const Directive* around;                 ///< the block that it stands in; null at the top
  std::vector<const Directive*> inside{};  ///< of a block: what stands in it
};

/// A place that doctor cannot read: an include without its file, or code in another language.
struct Unread {
  const Directive* around;  ///< the block that it stands in; null at the top
  std::string what;         ///< such as `content_by_lua_file of /etc/nginx/site.conf`
};

struct NginxTree {
  std::deque<Directive> all;  ///< as nginx reads them; a deque, because its elements do not move
  std::vector<Unread> unread;
};

/// Reads a main file and all that it includes without running nginx, whose master is root. What is
/// odd is passed over, since nginx itself judges that. Throws Refused if others than root and this
/// user may change a file, or if there is more than doctor follows.
NginxTree read_nginx_tree(const std::filesystem::path& main);

using Strings = std::initializer_list<std::string_view>;

/// Whether a directive begins with these words.
bool is(const Directive& directive, Strings words);

/// Whether its name is one of these.
bool is_any(const Directive& directive, Strings names);

/// The first directive that begins with these words; null if there is none.
const Directive* find(const NginxTree& tree, Strings words);

/// The innermost block of one of these names that a directive stands in, or that it is; null if
/// there is none.
const Directive* enclosing(const Directive& directive, Strings names);

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
};

/// Of check_locations: what is wrong with one site.
using Faults = std::vector<Finding>;
void find_openings(Faults& faults, const Site& site);
void find_rivals(Faults& faults, const Site& site);
void find_lost_limits(Faults& faults, const Site& site);

/// A parser that has this directive off; null if none has.
const Directive* find_off(const Site& site, std::string_view name);

/// Whether a request needs a session in this block.
bool needs_session(const Directive& block);

/// Whether a block itself passes requests on to a backend.
bool passes_on(const Directive& block);

}  // namespace users::ctl
