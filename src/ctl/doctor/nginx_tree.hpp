// nginx's configuration as one tree: what a file holds stands where that file is included.
#pragma once

#include <deque>
#include <filesystem>
#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

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
  /// In the order in which nginx reads them. A deque, because its elements do not move.
  std::deque<Directive> all;
  std::vector<Unread> unread;
};

/// Reads a main file and all that it includes without running nginx, whose master is root. What is
/// odd is passed over, since nginx itself judges that. Throws Refused if others than root and this
/// user may change a file, or if there is more than doctor follows.
NginxTree read_nginx_tree(const std::filesystem::path& main);

/// Whether a directive begins with these words.
bool is(const Directive& directive, std::initializer_list<std::string_view> words);

/// The first directive that begins with these words; null if there is none.
const Directive* find(const NginxTree& tree, std::initializer_list<std::string_view> words);

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

}  // namespace users::ctl
