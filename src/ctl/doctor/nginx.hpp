// nginx's configuration as one tree, in which the content of an included file replaces its include.
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
  std::vector<std::string> words;  ///< name and arguments, without quotes; never empty
  std::string file;
  const Directive* around;                 ///< the block that contains it; null for the root
  std::vector<const Directive*> inside{};  ///< of a block: what it contains
};

/// Something that doctor cannot read: an include of a missing file, or code in another language.
struct Unread {
  const Directive* around;
  std::string what;  ///< such as `content_by_lua_file of /etc/nginx/site.conf`
};

struct NginxTree {
  std::deque<Directive> all;  ///< first the root; a deque, because its elements do not move
  std::vector<Unread> unread;
};

/// Reads a main file and all that it includes without running nginx, whose master is root. Ignores
/// errors, which nginx -t reports. Throws Refused if somebody else than root and this user may
/// change a file, or if there are more files than doctor reads.
NginxTree read_nginx_tree(const std::filesystem::path& main);

using Strings = std::initializer_list<std::string_view>;

/// Returns true if a directive begins with these words.
bool is(const Directive& directive, Strings words);

/// Returns true if its name is one of these.
bool is_any(const Directive& directive, Strings names);

/// Returns the first directive that begins with these words, or null.
const Directive* find(const NginxTree& tree, Strings words);

/// Returns the directive itself or the innermost block around it that has one of these names, or
/// null.
const Directive* enclosing(const Directive& directive, Strings names);

/// The directives of this name in a block, not in blocks within it.
std::vector<const Directive*> own(const Directive& block, std::string_view name);

/// The directives of this name that apply in a block: its own, otherwise those it inherits.
std::vector<const Directive*> in_effect(const Directive& block, std::string_view name);

/// The first argument of the directive that applies in a block; empty if there is none.
std::string value_in_effect(const Directive& block, std::string_view name);

/// A block's name in a message: `location ^~ /members/ of FILE`.
std::string name_of(const Directive& block);

/// Compares the configuration with the shipped files. Finds the pools' sockets.
void check_service(Diagnosis& d, const NginxTree& tree, const std::filesystem::path& prefix);

/// Checks who gets into protected locations, and which user the backends see.
void check_locations(Diagnosis& d, const NginxTree& tree);

/// The headers that tell a backend who asks.
inline constexpr std::string_view kIdentityHeaders[] = {"X-User-Id", "X-User-Phone", "X-User-Level",
                                                        "X-User-Groups", "X-User-Jwt"};

}  // namespace users::ctl
