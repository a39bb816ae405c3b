#include "ctl/doctor/nginx_conf.hpp"

#include <algorithm>
#include <cctype>
#include <charconv>
#include <fstream>
#include <set>
#include <sstream>
#include <utility>

#include <glob.h>

#include "ctl/trusted_path.hpp"

namespace users::ctl {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kFileMark = "# configuration file ";

class Parser {
 public:
  Parser(std::string_view text, std::string file, Directives& all)
      : text_(text), file_(std::move(file)), all_(all) {}

  void run() {
    while (at_ < text_.size()) step();
  }

 private:
  void step() {
    const char c = text_[at_];
    if (c == '#') return skip_behind("\n", 0);
    if (std::isspace(static_cast<unsigned char>(c)) != 0) {
      ++at_;
    } else if (c == ';' || c == '{') {
      ++at_;
      end_directive(c == '{');
    } else if (c == '}') {
      ++at_;
      words_.clear();
      if (!around_.empty()) around_.pop_back();
    } else {
      words_.push_back(word());
    }
  }

  void end_directive(bool opens) {
    if (words_.empty() && !opens) return;
    Directive* block = around_.empty() ? nullptr : around_.back();
    all_.push_back({std::exchange(words_, {}), file_, block, {}});
    Directive& added = all_.back();
    if (block != nullptr) block->inside.push_back(&added);
    if (!opens) return;
    if (added.words.empty() || !added.words[0].ends_with("_by_lua_block")) {
      around_.push_back(&added);
    } else {
      skip_lua();
    }
  }

  /// Passes over Lua code and the brace that ends it: quotes, comments and braces are Lua's there.
  void skip_lua() {
    for (int depth = 1; at_ < text_.size() && depth > 0;) {
      const std::string_view rest = text_.substr(at_);
      const bool is_comment = rest.starts_with("--");
      const std::string closing = end_of_long_bracket(rest.substr(is_comment ? 2 : 0));
      if (!closing.empty()) {
        skip_behind(closing, 2);
      } else if (is_comment) {
        skip_behind("\n", 2);
      } else if (rest[0] == '"' || rest[0] == '\'') {
        static_cast<void>(word());
      } else {
        depth += rest[0] == '{' ? 1 : rest[0] == '}' ? -1 : 0;
        ++at_;
      }
    }
  }

  /// What ends Lua's `[[` or `[==[` at the start of a text; empty if there is none.
  static std::string end_of_long_bracket(std::string_view text) {
    const auto second = text.find_first_not_of('=', 1);
    if (!text.starts_with('[') || second == std::string_view::npos || text[second] != '[') {
      return "";
    }
    return "]" + std::string(second - 1, '=') + "]";
  }

  void skip_behind(std::string_view text, std::size_t least) {
    const auto found = text_.find(text, at_ + least);
    at_ = found == std::string_view::npos ? text_.size() : found + text.size();
  }

  std::string word() {
    const char quote = text_[at_] == '"' || text_[at_] == '\'' ? text_[at_] : '\0';
    if (quote != '\0') ++at_;
    std::string word;
    for (; at_ < text_.size(); ++at_) {
      const char c = text_[at_];
      if (c == '\\' && at_ + 1 < text_.size()) {
        word += unescaped(text_[++at_]);
      } else if (quote != '\0' ? c == quote : ends_word(c)) {
        break;
      } else {
        word += c;
      }
    }
    if (quote != '\0') ++at_;
    return word;
  }

  /// What nginx makes of a character behind a backslash; that of a regular expression stays.
  static std::string unescaped(char c) {
    switch (c) {
      case 't':
        return "\t";
      case 'r':
        return "\r";
      case 'n':
        return "\n";
      case '"':
      case '\'':
      case '\\':
        return {c};
      default:
        return {'\\', c};
    }
  }

  /// `{` opens a block unless it is of a variable: ${name}.
  [[nodiscard]] bool ends_word(char c) const {
    if (c == '{') return at_ == 0 || text_[at_ - 1] != '$';
    return c == ';' || std::isspace(static_cast<unsigned char>(c)) != 0;
  }

  std::string_view text_;
  std::string file_;
  Directives& all_;
  std::size_t at_ = 0;
  std::vector<std::string> words_;
  std::vector<Directive*> around_;
};

}  // namespace

std::vector<fs::path> find_included(const fs::path& pattern) {
  glob_t found{};
  std::vector<fs::path> files;
  // NOLINTNEXTLINE(concurrency-mt-unsafe): one thread
  if (::glob(pattern.c_str(), GLOB_NOCHECK, nullptr, &found) == 0) {
    files.assign(found.gl_pathv, found.gl_pathv + found.gl_pathc);
  }
  ::globfree(&found);
  return files;
}

std::map<std::string, Directives> parse_nginx_dump(std::string_view dump) {
  constexpr std::string_view kEndOfMark = ":\n";
  std::map<std::string, Directives> files;
  for (auto mark = dump.find(kFileMark); mark < dump.size();) {
    const auto name = mark + kFileMark.size();
    const auto text = dump.find(kEndOfMark, name);
    if (text >= dump.size()) break;
    // Behind a line end, so the mark of the next file.
    mark = std::min(dump.find("\n" + std::string(kFileMark), text), dump.size() - 1) + 1;
    const std::string file(dump.substr(name, text - name));
    Parser(dump.substr(text + 1, mark - text - 1), file, files[file]).run();
  }
  return files;
}

NginxFiles read_nginx_files(const fs::path& main) {
  constexpr std::size_t kMostFiles = 1000;
  NginxFiles files;
  std::set<fs::path> seen;
  for (std::deque<fs::path> next{main}; !next.empty(); next.pop_front()) {
    const fs::path& file = next.front();
    if (!seen.insert(file).second) continue;
    if (seen.size() > kMostFiles)
      return {"", "more than 1000 files are included, which is too many to look at"};
    const std::string stranger = stranger_on(file, Judged::content);
    if (!stranger.empty()) {
      return {"", file.string() + " can be changed through " + stranger +
                      ": nginx's master, who is root, does whatever this file says"};
    }
    std::ifstream stream(file);
    if (!stream) continue;  // nginx says it
    std::ostringstream text;
    text << stream.rdbuf();
    files.dump.append(kFileMark).append(file).append(":\n").append(text.str()).append("\n");
    Directives all;
    Parser(text.str(), "", all).run();
    for (const Directive& one : all) {
      if (!is(one, {"include"}) || one.words.size() != 2) continue;
      for (fs::path& found : find_included(main.parent_path() / one.words[1])) {
        next.push_back(std::move(found));
      }
    }
  }
  return files;
}

bool is(const Directive& directive, std::initializer_list<std::string_view> words) {
  return directive.words.size() >= words.size() &&
         std::equal(words.begin(), words.end(), directive.words.begin());
}

unsigned long long nginx_size(std::string_view text) {
  unsigned long long number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{}) return 0;
  const std::string_view unit(end, static_cast<std::size_t>(text.data() + text.size() - end));
  if (unit == "k" || unit == "K") return number << 10U;
  if (unit == "m" || unit == "M") return number << 20U;
  if (unit == "g" || unit == "G") return number << 30U;
  return unit.empty() ? number : 0;
}

}  // namespace users::ctl
