// doctor: how nginx chooses a location, and locations that take precedence over a protected one.
#include <algorithm>
#include <memory>

#include <boost/algorithm/string/case_conv.hpp>

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include "ctl/doctor/site.hpp"

namespace users::ctl {
namespace {

/// Finds a location beside `level` that admits more than `block` and takes precedence over it for
/// paths that begin with `path`: an expression over a prefix without ^~, and ^~ over an expression.
const Directive* find_rival(const Directive& level, const Directive& block,
                            const std::string& path) {
  const Pattern pattern = pattern_of(level);
  if (pattern.modifier == "^~" || pattern.modifier == "@") return nullptr;
  bool is_behind = false;
  for (const Directive* other : own(*level.around, "location")) {
    is_behind = is_behind || other == &level;
    const Pattern others = pattern_of(*other);
    // The first of two expressions counts.
    const bool is_preferred =
        others.is_expression()
            ? !(is_behind && pattern.is_expression())
            : pattern.is_expression() && others.modifier == "^~" && !is_ours(*other);
    if (!is_preferred || is_as_strict(*other, block) || refuses(*other)) continue;
    const std::string begins = beginning_of(others);
    if (begins.starts_with(path) || path.starts_with(begins)) return other;
  }
  return nullptr;
}

}  // namespace

Pattern pattern_of(const Directive& location) {
  const auto& words = location.words;
  if (words.size() > 2) return {words[1], words[2]};
  for (const std::string modifier : {"=", "^~", "~*", "~", "@"}) {
    if (words.at(1).starts_with(modifier)) return {modifier, words[1].substr(modifier.size())};
  }
  return {"", words.at(1)};
}

std::optional<bool> matches(const Pattern& pattern, const std::string& path) {
  const auto units = [](const std::string& text) {
    return reinterpret_cast<PCRE2_SPTR>(text.c_str());
  };
  int error = 0;
  std::size_t place = 0;
  const std::unique_ptr<pcre2_code, decltype(&pcre2_code_free)> code(
      pcre2_compile(units(pattern.path), pattern.path.size(),
                    pattern.modifier == "~*" ? PCRE2_CASELESS : 0, &error, &place, nullptr),
      pcre2_code_free);
  if (!code) return std::nullopt;
  const std::unique_ptr<pcre2_match_data, decltype(&pcre2_match_data_free)> match(
      pcre2_match_data_create_from_pattern(code.get(), nullptr), pcre2_match_data_free);
  const int found = pcre2_match(code.get(), units(path), path.size(), 0, 0, match.get(), nullptr);
  if (found < PCRE2_ERROR_NOMATCH) return std::nullopt;  // for example, it takes too long
  return found >= 0;
}

std::string beginning_of(const Pattern& pattern) {
  std::string path = pattern.path;
  if (pattern.is_expression()) {
    if (!path.starts_with('^') || path.find('|') != std::string::npos) return "";
    path.erase(0, 1);
    const auto plain = path.find_first_of("\\.[](){}*+?$");
    if (plain != std::string::npos) {
      const bool repeats = std::string_view("*+?{").find(path[plain]) != std::string_view::npos;
      path.resize(repeats && plain > 0 ? plain - 1 : plain);
    }
  }
  return boost::to_lower_copy(path);
}

const Directive* find_location(const Directive& level, const std::string& uri) {
  const std::string path = uri.substr(0, uri.find('?'));
  const bool is_name = path.starts_with('@');
  if (!is_name && !path.starts_with('/')) return nullptr;
  const Directive* best = nullptr;
  const Directive* expression = nullptr;
  std::size_t longest = 0;
  for (const Directive* location : own(level, "location")) {
    const Pattern pattern = pattern_of(*location);
    if (is_name != (pattern.modifier == "@")) continue;
    const std::string prefix = (is_name ? "@" : "") + pattern.path;
    if (pattern.is_expression()) {
      if (expression == nullptr && matches(pattern, path).value_or(true)) expression = location;
    } else if (path == prefix || (pattern.modifier != "=" && path.starts_with(prefix))) {
      if (prefix.size() < longest) continue;
      best = location;
      longest = prefix.size();
    }
  }
  const bool is_final = best != nullptr && !pattern_of(*best).modifier.empty();
  if (expression != nullptr && !is_final) best = expression;
  const Directive* nested = best == nullptr ? nullptr : find_location(*best, path);
  return nested == nullptr ? best : nested;
}

bool is_ours(const Directive& block) {
  for (const Directive* at = &block; at != nullptr; at = at->around) {
    if (is(*at, {"location"}) && pattern_of(*at).path.starts_with("/users/")) return true;
  }
  return false;
}

bool is_redirect(const Directive& line) {
  const std::string& to = line.words.at(2);
  const std::string& flag = line.words.back();
  return flag == "redirect" || flag == "permanent" || to.starts_with("http://") ||
         to.starts_with("https://") || to.starts_with("$scheme");
}

bool refuses(const Directive& location) {
  if (!own(location, "internal").empty()) return true;
  const auto replies = own(location, "return");
  if (!replies.empty()) return !replies.front()->words.at(1).starts_with('2');
  for (const Directive* one : location.inside) {
    if (is(*one, {"allow"})) return false;
    if (is(*one, {"deny", "all"})) return true;
  }
  return false;
}

void find_rivals(Faults& faults, const Site& site) {
  for (const Directive* block : site.is_protected) {
    if (!is(*block, {"location"}) || pattern_of(*block).modifier == "=") continue;
    const std::string path = beginning_of(pattern_of(*block));
    // Locations may stand in locations.
    for (const Directive* level = block; is(*level, {"location"}); level = level->around) {
      const Directive* rival = find_rival(*level, *block, path);
      if (rival == nullptr) continue;
      std::string advice = "write into that one, too: " + same_check(*block);
      if (!pattern_of(*level).is_expression()) {
        advice = "write: location ^~ " + level->words.back() +
                 " {  and repeat in it what that one does; or " + advice;
      } else if (pattern_of(*rival).is_expression()) {
        advice = "move that one behind the protected one; or " + advice;
      }
      faults.push_back(warning(
          name_of(*rival) + " takes precedence over the protected location " + block->words.back(),
          advice));
      break;
    }
  }
}

}  // namespace users::ctl
