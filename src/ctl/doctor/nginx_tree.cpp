#include <algorithm>
#include <cctype>
#include <fstream>
#include <map>
#include <optional>
#include <utility>

#include <glob.h>

#include "ctl/command.hpp"
#include "ctl/doctor/nginx.hpp"
#include "ctl/trusted_path.hpp"

namespace users::ctl {
namespace {

namespace fs = std::filesystem;

/// The text of one file, word by word.
class Scanner {
 public:
  explicit Scanner(std::string_view text) : text_(text) {}

  struct Token {
    std::string text;
    bool is_sign;  ///< one of `;`, `{` and `}`; else it is a word
  };
  /// Returns nullopt at the end.
  std::optional<Token> next() {
    while (at_ < text_.size() && (is_blank(text_[at_]) || text_[at_] == '#')) {
      const bool is_comment = text_[at_++] == '#';
      if (is_comment) skip_behind("\n", 0);
    }
    if (at_ == text_.size()) return std::nullopt;
    const bool is_sign = std::string_view(";{}").find(text_[at_]) != std::string_view::npos;
    return is_sign ? Token{{text_[at_++]}, true} : Token{word(), false};
  }

  /// Passes over Lua code and the brace that ends it: quotes, comments and braces are Lua's there,
  /// and so are texts and comments in long brackets such as [==[ ]==].
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

  /// What nginx makes of a character behind a backslash; that of a regular expression stays.
  static std::string unescaped(char c) {
    constexpr std::string_view kWritten = "trn\"'\\";
    const auto at = kWritten.find(c);
    return at == std::string_view::npos ? std::string{'\\', c} : std::string{"\t\r\n\"'\\"[at]};
  }

  /// `{` opens a block unless it is of a variable: ${name}.
  [[nodiscard]] bool ends_word(char c) const {
    if (c == '{') return at_ == 0 || text_[at_ - 1] != '$';
    return c == ';' || is_blank(c);
  }

  std::string_view text_;
  std::size_t at_ = 0;
};

/// Whether it runs code that decides what becomes of a request.
bool is_code(const std::string& name) {
  for (const std::string code : {"server_rewrite_by_lua", "rewrite_by_lua", "access_by_lua",
                                 "content_by_lua", "js_content", "js_access", "perl"}) {
    if (name == code || name.starts_with(code + "_")) return true;
  }
  return false;
}

class Reader {
 public:
  explicit Reader(const fs::path& main) : folder_(main.parent_path()) { read(main, "", nullptr); }

  NginxTree tree;

 private:
  void read(const fs::path& file, const std::string& by, Directive* around) {
    const auto& text = text_of(file);
    // Far more than any site has.
    if (texts_.size() > 1000 || tree.all.size() > 500'000 || depth_ > 100) {
      throw Refused("more files are included, or deeper or more often, than doctor follows");
    }
    ++depth_;
    if (text) {
      parse(*text, file, around);
    } else if (file.string().find_first_of("*?[") == std::string::npos) {
      tree.unread.push_back({around, file.string() + ", which " + by + " includes"});
    }
    --depth_;
  }

  /// Nothing if it cannot be read, which nginx says itself.
  const std::optional<std::string>& text_of(const fs::path& file) {
    const auto [entry, is_new] = texts_.try_emplace(file);
    if (!is_new) return entry->second;
    const std::string stranger = stranger_on(file, Judged::content);
    if (!stranger.empty()) {
      throw Refused(file.string() + " can be changed through " + stranger +
                    ": nginx's master, who is root, does whatever this file says");
    }
    std::ifstream stream(file);
    using Bytes = std::istreambuf_iterator<char>;
    if (stream) entry->second.emplace(Bytes(stream), Bytes());
    return entry->second;
  }

  void parse(std::string_view text, const fs::path& file, Directive* around) {
    Scanner scanner(text);
    std::vector<Directive*> blocks{around};
    std::vector<std::string> words;
    while (auto token = scanner.next()) {
      if (!token->is_sign) {
        words.push_back(std::move(token->text));
      } else if (token->text == "}") {
        words.clear();
        if (blocks.size() > 1) blocks.pop_back();
      } else if (!words.empty() || token->text == "{") {
        Directive* added = add(std::exchange(words, {}), file, blocks.back());
        if (token->text == ";") continue;
        if (!added->words.empty() && added->words[0].ends_with("_by_lua_block")) {
          scanner.skip_lua();
        } else {
          blocks.push_back(added);
        }
      }
    }
  }

  Directive* add(std::vector<std::string> words, const fs::path& file, Directive* around) {
    Directive& added = tree.all.emplace_back(Directive{std::move(words), file, around});
    if (around != nullptr) around->inside.push_back(&added);
    if (!added.words.empty() && is_code(added.words[0])) {
      tree.unread.push_back({around, added.words[0] + " of " + added.file});
    }
    if (!is(added, {"include"}) || added.words.size() != 2) return &added;
    // A pattern that finds nothing is checked as it stands: others may put a file there.
    glob_t found{};
    const fs::path pattern = folder_ / added.words[1];
    ::glob(pattern.c_str(), GLOB_NOCHECK, nullptr, &found);  // NOLINT(concurrency-mt-unsafe)
    const std::vector<fs::path> files(found.gl_pathv, found.gl_pathv + found.gl_pathc);
    ::globfree(&found);
    for (const fs::path& one : files) read(one, added.file, around);
    return &added;
  }

  fs::path folder_;
  std::map<fs::path, std::optional<std::string>> texts_;
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
  return !directive.words.empty() && std::ranges::count(names, directive.words[0]) > 0;
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

std::string join(const std::vector<std::string>& words) {
  std::string text;
  for (const auto& word : words) text.append(text.empty() ? "" : " ").append(word);
  return text;
}

std::string name_of(const Directive& block) {
  const bool is_inner = is_any(block, {"if", "limit_except"});
  return join(block.words) + (is_inner ? " in " + join(block.around->words) : "") + " of " +
         block.file;
}

}  // namespace users::ctl
