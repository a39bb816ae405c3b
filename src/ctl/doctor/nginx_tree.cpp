// Reads nginx's configuration.
#include <algorithm>
#include <cctype>
#include <fstream>
#include <sstream>
#include <utility>

#include <boost/algorithm/string/join.hpp>
#include <glob.h>

#include "ctl/command.hpp"
#include "ctl/doctor/nginx.hpp"
#include "ctl/trusted_path.hpp"

namespace users::ctl {
namespace {

namespace fs = std::filesystem;

class Scanner {
 public:
  explicit Scanner(std::string_view text) : text_(text) {}

  /// Reads the words before the next `;`, `{` or `}` and returns that sign; '\0' at the end.
  char next(std::vector<std::string>& words) {
    words.clear();
    while (at_ < text_.size()) {
      const char c = text_[at_];
      if (c == '#') {
        skip_behind("\n", 0);
      } else if (is_blank(c)) {
        ++at_;
      } else if (c == ';' || c == '{' || c == '}') {
        ++at_;
        return c;
      } else {
        words.push_back(word());
      }
    }
    return '\0';
  }

  /// Skips Lua code and the brace that ends it. Quotes, comments, braces and long brackets such as
  /// [==[ ]==] have Lua's meaning there.
  void skip_lua() {
    for (int depth = 1; at_ < text_.size() && depth > 0;) {
      const std::string_view rest = text_.substr(at_);
      const std::size_t start = rest.starts_with("--") ? 2 : 0;
      const auto second = std::min(rest.find_first_not_of('=', start + 1), rest.size() - 1);
      if (second > start && rest[start] == '[' && rest[second] == '[') {
        skip_behind("]" + std::string(second - start - 1, '=') + "]", 2);
      } else if (start > 0) {
        skip_behind("\n", start);
      } else if (rest[0] == '"' || rest[0] == '\'') {
        static_cast<void>(word());
      } else {
        depth += rest[0] == '{' ? 1 : rest[0] == '}' ? -1 : 0;
        ++at_;
      }
    }
  }

 private:
  static bool is_blank(char c) { return std::isspace(static_cast<unsigned char>(c)) != 0; }

  void skip_behind(std::string_view text, std::size_t least) {
    const auto found = text_.find(text, at_ + least);
    at_ = found == std::string_view::npos ? text_.size() : found + text.size();
  }

  std::string word() {
    const bool is_quoted = text_[at_] == '"' || text_[at_] == '\'';
    const char quote = is_quoted ? text_[at_++] : '\0';
    std::string word;
    for (; at_ < text_.size(); ++at_) {
      const char c = text_[at_];
      if (c == '\\' && at_ + 1 < text_.size()) {
        word += unescaped(text_[++at_]);
      } else if (is_quoted ? c == quote : ends_word(c)) {
        break;
      } else {
        word += c;
      }
    }
    if (is_quoted) ++at_;
    return word;
  }

  /// The meaning of a backslash and a character. Those of regular expressions stay as they are.
  static std::string unescaped(char c) {
    constexpr std::string_view kWritten = "trn\"'\\";
    const auto at = kWritten.find(c);
    return at == std::string_view::npos ? std::string{'\\', c} : std::string{"\t\r\n\"'\\"[at]};
  }

  /// `{` opens a block, except in ${name}.
  [[nodiscard]] bool ends_word(char c) const {
    if (c == '{') return at_ == 0 || text_[at_ - 1] != '$';
    return c == ';' || is_blank(c);
  }

  std::string_view text_;
  std::size_t at_ = 0;
};

/// Returns true if the directive runs code that decides about a request.
bool is_code(const std::string& name) {
  constexpr const char* kCode[] = {"server_rewrite_by_lua_",
                                   "rewrite_by_lua_",
                                   "access_by_lua_",
                                   "content_by_lua_",
                                   "js_content_",
                                   "js_access_",
                                   "perl_"};
  return std::ranges::any_of(kCode, [&](auto* code) { return (name + "_").starts_with(code); });
}

class Reader {
 public:
  explicit Reader(const fs::path& main) : folder_(main.parent_path()) {
    Directive& root = tree.all.emplace_back(Directive{{""}, main, nullptr});
    read(main, "", root);
  }

  NginxTree tree;

 private:
  void read(const fs::path& file, const std::string& by, Directive& around) {
    const std::string stranger = stranger_on(file, Judged::content);
    if (!stranger.empty()) {
      throw Refused(file.string() + " can be changed through " + stranger +
                    ": nginx's master, which is root, does what this file says");
    }
    // Far more than any site has.
    if (++files_ > 20'000 || tree.all.size() > 500'000 || depth_ > 100) {
      throw Refused("more files are included, or deeper or more often, than doctor reads");
    }
    std::ifstream stream(file);
    if (!stream) {
      if (file.string().find_first_of("*?[") != std::string::npos) return;
      return tree.unread.push_back({&around, file.string() + ", which " + by + " includes"});
    }
    std::ostringstream text;
    text << stream.rdbuf();
    ++depth_;
    parse(text.str(), file, around);
    --depth_;
  }

  void parse(const std::string& text, const fs::path& file, Directive& around) {
    Scanner scanner(text);
    std::vector<Directive*> blocks{&around};
    std::vector<std::string> words;
    while (const char sign = scanner.next(words)) {
      if (sign == '}') {
        if (blocks.size() > 1) blocks.pop_back();
        continue;
      }
      if (words.empty()) words.emplace_back();
      Directive& added = add(std::move(words), file, *blocks.back());
      if (sign == ';') continue;
      if (added.words[0].ends_with("_by_lua_block")) {
        scanner.skip_lua();
      } else {
        blocks.push_back(&added);
      }
    }
  }

  Directive& add(std::vector<std::string> words, const fs::path& file, Directive& around) {
    Directive& added = tree.all.emplace_back(Directive{std::move(words), file, &around});
    around.inside.push_back(&added);
    if (is_code(added.words[0])) {
      tree.unread.push_back({&around, added.words[0] + " of " + added.file});
    }
    if (added.words[0] != "include" || added.words.size() != 2) return added;
    // A pattern without a match is checked as it is: others might be able to add a file.
    glob_t found{};
    const fs::path pattern = folder_ / added.words[1];
    ::glob(pattern.c_str(), GLOB_NOCHECK, nullptr, &found);  // NOLINT(concurrency-mt-unsafe)
    const std::vector<fs::path> files(found.gl_pathv, found.gl_pathv + found.gl_pathc);
    ::globfree(&found);
    for (const fs::path& one : files) read(one, added.file, around);
    return added;
  }

  fs::path folder_;
  int files_ = 0;
  int depth_ = 0;
};

}  // namespace

NginxTree read_nginx_tree(const fs::path& main) {
  return std::move(Reader(main).tree);
}

bool is(const Directive& directive, Strings words) {
  return directive.words.size() >= words.size() &&
         std::equal(words.begin(), words.end(), directive.words.begin());
}

bool is_any(const Directive& directive, Strings names) {
  return std::ranges::count(names, directive.words[0]) > 0;
}

const Directive* find(const NginxTree& tree, Strings words) {
  const auto found =
      std::ranges::find_if(tree.all, [&](const Directive& one) { return is(one, words); });
  return found == tree.all.end() ? nullptr : &*found;
}

const Directive* enclosing(const Directive& directive, Strings names) {
  const Directive* block = &directive;
  while (block != nullptr && !is_any(*block, names)) block = block->around;
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

std::string name_of(const Directive& block) {
  std::string name = boost::join(block.words, " ");
  if (is_any(block, {"if", "limit_except"})) name += " in " + boost::join(block.around->words, " ");
  return name + " of " + block.file;
}

}  // namespace users::ctl
