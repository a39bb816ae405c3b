#include "ctl/doctor/nginx_tree.hpp"

#include <algorithm>
#include <map>
#include <set>

namespace users::ctl {
namespace {

namespace fs = std::filesystem;

/// Whether it runs code that decides what becomes of a request.
bool is_code(const Directive& one) {
  static constexpr std::string_view kNames[] = {"server_rewrite_by_lua",
                                                "rewrite_by_lua",
                                                "access_by_lua",
                                                "content_by_lua",
                                                "js_content",
                                                "js_access",
                                                "perl"};
  return !one.words.empty() && std::ranges::any_of(kNames, [&](std::string_view name) {
    return one.words[0] == name || one.words[0].starts_with(std::string(name) + "_");
  });
}

/// Puts each file where it is included.
class Grower {
 public:
  Grower(const std::map<std::string, Directives>& parsed, const fs::path& main)
      : folder_(main.parent_path()) {
    for (const auto& [file, directives] : parsed) files_[key(file)] = &directives;
    include(main, main, nullptr);
    for (const auto& [file, unused] : files_) {
      if (!reached_.contains(file)) unread(nullptr, file + ", which no include names");
    }
  }

  NginxTree result() { return std::move(tree_); }

 private:
  // Far more than any site has; nginx itself refuses a file that includes itself.
  static constexpr std::size_t kMostDirectives = 500'000;
  static constexpr int kDeepest = 100;

  static std::string key(const fs::path& file) { return file.lexically_normal(); }

  void unread(const Directive* around, std::string what) {
    tree_.unread.push_back({around, std::move(what)});
  }

  void grow(const Directive& one, Directive* around) {
    if (depth_ > kDeepest || tree_.all.size() > kMostDirectives) {
      if (!is_cut_) unread(nullptr, "what is included deeper or more often than doctor follows");
      is_cut_ = true;
      return;
    }
    ++depth_;
    tree_.all.push_back({one.words, one.file, around, {}});
    Directive& added = tree_.all.back();
    if (around != nullptr) around->inside.push_back(&added);
    if (is_code(one)) unread(around, one.words[0] + " of " + one.file);
    for (const Directive* inner : one.inside) grow(*inner, &added);
    if (is(one, {"include"}) && one.words.size() == 2)
      include(folder_ / one.words[1], one.file, around);
    --depth_;
  }

  void include(const fs::path& pattern, const std::string& by, Directive* around) {
    for (const fs::path& file : find_included(pattern)) {
      const auto found = files_.find(key(file));
      if (found != files_.end()) {
        reached_.insert(found->first);
        for (const Directive& one : *found->second) {
          if (one.around == nullptr) grow(one, around);
        }
      } else if (file != pattern || pattern.string().find_first_of("*?[") == std::string::npos) {
        unread(around, file.string() + ", which " + by + " includes");
      }
    }
  }

  fs::path folder_;
  std::map<std::string, const Directives*> files_;
  std::set<std::string> reached_;
  int depth_ = 0;
  bool is_cut_ = false;
  NginxTree tree_;
};

struct Listen {
  std::string address;  ///< as nginx tells addresses apart
  bool is_default = false;
  bool is_tls = false;
};

Listen listen_of(const Directive& one) {
  Listen listen{one.words[1]};
  std::string& address = listen.address;
  if (address.find_first_not_of("0123456789") == std::string::npos) address.insert(0, "*:");
  const bool has_port = address.find(':', address.rfind(']') + 1) != std::string::npos;
  if (!has_port) address += ":80";
  if (address.starts_with("0.0.0.0:")) address.replace(0, 7, "*");
  for (const std::string& word : one.words) {
    listen.is_default = listen.is_default || word == "default_server" || word == "default";
    listen.is_tls = listen.is_tls || word == "ssl" || word == "quic";
  }
  return listen;
}

std::vector<Listen> listens_of(const Directive& server) {
  std::vector<Listen> listens;
  for (const Directive* one : own(server, "listen")) {
    if (one->words.size() > 1) listens.push_back(listen_of(*one));
  }
  return listens.empty() ? std::vector<Listen>{{"*:80"}} : listens;
}

/// nginx reads the request line and the headers before Host with the settings of the default server
/// of the address, or of the one that the client names in the TLS handshake, whatever Host says.
std::vector<const Directive*> find_parsers(const std::vector<const Directive*>& servers,
                                           const Directive& site) {
  std::vector<const Directive*> parsers{&site};
  for (const Listen& ours : listens_of(site)) {
    std::vector<const Directive*> same;
    const Directive* by_default = nullptr;
    bool is_tls = false;
    for (const Directive* server : servers) {
      for (const Listen& listen : listens_of(*server)) {
        if (listen.address != ours.address) continue;
        same.push_back(server);
        is_tls = is_tls || listen.is_tls;
        if (listen.is_default) by_default = server;
      }
    }
    if (!is_tls) same = {by_default != nullptr ? by_default : same.front()};
    for (const Directive* server : same) {
      if (std::ranges::find(parsers, server) == parsers.end()) parsers.push_back(server);
    }
  }
  return parsers;
}

/// The modules for mail and streams have servers of their own.
bool is_http_server(const Directive& one) {
  return is(one, {"server"}) && one.around != nullptr && is(*one.around, {"http"});
}

}  // namespace

NginxTree read_nginx_tree(std::string_view dump, const fs::path& main) {
  return Grower(parse_nginx_dump(dump), main).result();
}

const Directive* enclosing(const Directive& directive, std::string_view name) {
  const Directive* block = &directive;
  while (block != nullptr && !is(*block, {name})) block = block->around;
  return block;
}

std::vector<const Directive*> own(const Directive& block, std::string_view name) {
  std::vector<const Directive*> found;
  std::ranges::copy_if(block.inside, std::back_inserter(found),
                       [&](const Directive* one) { return is(*one, {name}); });
  return found;
}

std::vector<const Directive*> in_effect(const Directive& block, std::string_view name) {
  for (const Directive* at = &block; at != nullptr; at = at->around) {
    auto found = own(*at, name);
    if (!found.empty()) return found;
  }
  return {};
}

std::string value_in_effect(const Directive& block, std::string_view name) {
  const auto found = in_effect(block, name);
  return found.empty() || found.front()->words.size() < 2 ? "" : found.front()->words[1];
}

std::string join(const std::vector<std::string>& words) {
  std::string text;
  for (const auto& word : words) text.append(text.empty() ? "" : " ").append(word);
  return text;
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
  for (const char* modifier : {"=", "^~", "~*", "~", "@"}) {
    if (!words[1].starts_with(modifier)) continue;
    return {modifier, words[1].substr(std::string_view(modifier).size())};
  }
  return {"", words[1]};
}

bool needs_session(const Directive& block) {
  return value_in_effect(block, "auth_request").starts_with("/users/_auth");
}

std::vector<Site> find_sites(const NginxTree& tree) {
  std::vector<const Directive*> servers;
  std::vector<Site> sites;
  for (const Directive& one : tree.all) {
    if (is_http_server(one)) servers.push_back(&one);
    if (is(one, {"location", "^~", "/users/"}) && one.around != nullptr &&
        is_http_server(*one.around)) {
      sites.push_back({one.around});
    }
  }
  for (const Directive& one : tree.all) {
    if (!is(one, {"server"}) && !is(one, {"location"}) && !is(one, {"if"}) &&
        !is(one, {"limit_except"})) {
      continue;
    }
    const Directive* server = enclosing(one, "server");
    const auto site = std::ranges::find(sites, server, &Site::server);
    if (site == sites.end()) continue;
    site->blocks.push_back(&one);
    if (needs_session(one)) site->is_protected.push_back(&one);
  }
  const bool protects =
      std::ranges::any_of(sites, [](const Site& site) { return !site.is_protected.empty(); });
  for (Site& site : sites) {
    site.parsers = find_parsers(servers, *site.server);
    site.backends_trust = protects;
  }
  return sites;
}

}  // namespace users::ctl
