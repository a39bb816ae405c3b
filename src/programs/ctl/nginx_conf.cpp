#include "programs/ctl/nginx_conf.hpp"

#include <algorithm>
#include <cctype>
#include <charconv>
#include <deque>
#include <fstream>
#include <set>
#include <sstream>
#include <utility>

#include <glob.h>

#include "programs/ctl/trusted_path.hpp"

namespace users::ctl {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kFileMark = "# configuration file ";

std::string join(const std::vector<std::string>& words) {
  std::string text;
  for (const auto& word : words) text += (text.empty() ? "" : " ") + word;
  return text;
}

/// What a pattern of include finds; itself if it is none, and if nothing is found.
std::vector<fs::path> find_included(const fs::path& pattern) {
  glob_t found{};
  std::vector<fs::path> files;
  if (::glob(pattern.c_str(), GLOB_NOCHECK, nullptr, &found) == 0) {
    files.assign(found.gl_pathv, found.gl_pathv + found.gl_pathc);
  }
  ::globfree(&found);
  return files;
}

class Parser {
 public:
  explicit Parser(std::string_view text) : text_(text) {}

  std::vector<Directive> run() {
    while (at_ < text_.size()) step();
    return std::move(all_);
  }

 private:
  void step() {
    const char c = text_[at_];
    if (c == '#') return comment();
    if (std::isspace(static_cast<unsigned char>(c)) != 0) {
      ++at_;
    } else if (c == ';' || c == '{') {
      ++at_;
      end_directive(c == '{');
    } else if (c == '}') {
      ++at_;
      words_.clear();
      if (!within_.empty()) {
        within_.pop_back();
        parents_.pop_back();
      }
    } else {
      words_.push_back(word());
    }
  }

  void comment() {
    const std::size_t end = std::min(text_.find('\n', at_), text_.size());
    std::string_view line = text_.substr(at_, end - at_);
    at_ = end;
    if (!line.starts_with(kFileMark) || !line.ends_with(':')) return;
    // Each file is balanced in itself; what was odd in the one before ends here.
    line.remove_prefix(kFileMark.size());
    line.remove_suffix(1);
    file_ = line;
    words_.clear();
    within_.clear();
    parents_.clear();
  }

  void end_directive(bool block) {
    if (words_.empty() && !block) return;
    all_.push_back({words_, within_, file_, parents_});
    if (block) {
      within_.push_back(join(words_));
      parents_.push_back(all_.size() - 1);
    }
    words_.clear();
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
  std::size_t at_ = 0;
  std::string file_;
  std::vector<std::string> words_;
  std::vector<std::string> within_;
  std::vector<std::size_t> parents_;
  std::vector<Directive> all_;
};

}  // namespace

std::vector<Directive> parse_nginx_dump(std::string_view dump) {
  return Parser(dump).run();
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
      return {"", file.string() + " is or lies in " + stranger +
                      ": nginx's master, who is root, does whatever this file says"};
    }
    std::ifstream stream(file);
    if (!stream) continue;  // nginx says it
    std::ostringstream text;
    text << stream.rdbuf();
    files.dump.append(kFileMark).append(file).append(":\n").append(text.str()).append("\n");
    for (const Directive& one : parse_nginx_dump(text.str())) {
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
