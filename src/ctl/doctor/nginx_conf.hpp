// nginx's configuration, taken apart into directives.
#pragma once

#include <deque>
#include <filesystem>
#include <initializer_list>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace users::ctl {

struct Directive {
  std::vector<std::string> words;  ///< name and arguments, without quotes
  std::string file;
  const Directive* around = nullptr;     ///< the block that it stands in
  std::vector<const Directive*> inside;  ///< of a block: what stands in it
};

/// Blocks stand before what is in them. A deque, because its elements do not move.
using Directives = std::deque<Directive>;

/// The directives of each file of a dump, by the file's name; an `include` is not followed. nginx
/// has accepted the text already, so what is odd is passed over, never refused.
std::map<std::string, Directives> parse_nginx_dump(std::string_view dump);

/// Where nginx takes its files from.
struct NginxPlaces {
  std::filesystem::path prefix;
  std::filesystem::path main;                   ///< its configuration
  std::filesystem::path pid_file;               ///< if the configuration names none
  std::vector<std::filesystem::path> built_in;  ///< what it uses if the configuration is silent
};

/// What `nginx -T` would print of a main file and all that it includes, without running nginx,
/// which makes folders and opens logs before it prints. No file is read that others than root and
/// this user may change: `trouble` then says which, and there is no dump.
struct NginxFiles {
  std::string dump;
  std::string trouble;
};
NginxFiles read_nginx_files(const std::filesystem::path& main);

/// What a pattern of `include` finds on the disk; the pattern itself if it finds nothing.
std::vector<std::filesystem::path> find_included(const std::filesystem::path& pattern);

/// Whether a directive begins with these words.
bool is(const Directive& directive, std::initializer_list<std::string_view> words);

/// nginx's notation of sizes: 16k, 8m, 1g, bytes. 0 where it is none.
unsigned long long nginx_size(std::string_view text);

}  // namespace users::ctl
