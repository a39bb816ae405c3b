// The columns of an imported table, from its first line.
#include <cctype>
#include <utility>

#include "import/row.hpp"

namespace users {
namespace {

// users-ctl(8) lists them; names are as plain_name() gives them. If several columns may be the time
// of registration, the first name counts.
const std::pair<Column, std::vector<std::string_view>> kColumnNames[] = {
    {Column::phone, {"phone"}},
    {Column::password, {"password"}},
    {Column::hash, {"hash"}},
    {Column::id, {"id"}},
    {Column::groups, {"groups"}},
    {Column::created,
     {"createtime", "createdat", "created", "datejoined", "userregistered", "registeredat"}},
    {Column::disabled_since,
     {"disabletime", "disabledat", "blockedat", "bannedat", "suspendedat", "deactivatedat",
      "deletedat"}},
    {Column::disabled_if,
     {"disabled", "isdisabled", "blocked", "isblocked", "banned", "isbanned", "suspended",
      "issuspended", "deactivated", "isdeactivated", "deleted", "isdeleted", "inactive"}},
    {Column::enabled_if, {"active", "isactive", "enabled", "isenabled"}}};

/// Whether a column may say that an account is disabled, though the table does not have its name.
bool may_disable(std::string_view name) {
  // Parts of names, and between two _ whole words, which are parts of too many others.
  constexpr std::string_view kSigns[] = {
      "status", "disab",  "enab",     "block",   "banned",  "suspend", "lock",     "delet",
      "activ",  "expir",  "frozen",   "freez",   "discard", "archiv",  "trash",    "remov",
      "cancel", "termin", "forbid",   "approv",  "silenc",  "black",   "revok",    "invalid",
      "禁",     "状态",   "冻结",     "封",      "删",      "注销",    "停用",     "_state_",
      "_ban_",  "_del_",  "_closed_", "_close_", "_valid_", "_spam_",  "_allowed_"};
  std::string words = plain_name(name);
  if (words.starts_with("is")) words += "_" + words.substr(2);
  words += '_';
  bool was_small = false;  // isDel is two words
  for (const char c : name) {
    const auto byte = static_cast<unsigned char>(c);
    if (was_small && std::isupper(byte) != 0) words += '_';
    words += std::isalnum(byte) != 0 ? static_cast<char>(std::tolower(byte)) : '_';
    was_small = std::isalnum(byte) != 0 && std::isupper(byte) == 0;
  }
  words += '_';
  return std::ranges::any_of(
      kSigns, [&](std::string_view sign) { return words.find(sign) != std::string::npos; });
}

/// What may be wrong with a first line that is no heading; empty if nothing shows.
std::string hint_at(std::string_view first) {
  if (first.find('\0') != std::string_view::npos) return "; it is UTF-16: save the file as UTF-8";
  if (first.find('"') != std::string_view::npos) return "; save the file without quotes";
  if (first.find('\t') == std::string_view::npos) {
    return "; there is no tab in it: separate the columns by tabs";
  }
  return "";
}

}  // namespace

std::vector<std::string_view> split_fields(std::string_view line) {
  std::vector<std::string_view> fields;
  for (;;) {
    const auto tab = line.find('\t');
    fields.push_back(line.substr(0, tab));
    if (tab == std::string_view::npos) return fields;
    line.remove_prefix(tab + 1);
  }
}

std::string plain_name(std::string_view text) {
  std::string plain(text);
  std::erase_if(plain, [](char c) { return c == '_' || c == '-' || c == ' '; });
  std::ranges::transform(plain, plain.begin(), [](unsigned char c) { return std::tolower(c); });
  return plain;
}

bool is_heading(const std::vector<std::string_view>& fields) {
  const auto has = [&](std::string_view name) {
    return std::ranges::find(fields, name, plain_name) != fields.end();
  };
  return has("phone") && (has("password") || has("hash"));
}

ImportLayout read_layout(const Line& first, const std::vector<std::string>& ignore) {
  const auto fields = split_fields(first.text);
  if (!is_heading(fields)) {
    if (fields.size() == 2 && fields[1].starts_with('$') && ignore.empty()) {
      return {.columns = {Column::phone, Column::hash}};
    }
    throw ImportRefused("line " + std::to_string(first.number) +
                        " is neither a heading with the columns phone and password (or phone and "
                        "hash), as mariadb --batch prints it, nor phone, tab and hash" +
                        hint_at(first.text));
  }
  for (const std::string& name : ignore) {
    if (std::ranges::find(fields, name) == fields.end()) {
      throw ImportRefused("--ignore-column " + name + ": the heading has no such column");
    }
  }
  const auto is_ignored = [&](std::string_view name) {
    return std::ranges::find(ignore, name) != ignore.end();
  };
  ImportLayout layout{.heading = true, .columns = std::vector(fields.size(), Column::unused)};
  for (const auto& [column, names] : kColumnNames) {
    for (const std::string_view name : names) {
      if (column == Column::created && layout.has(column)) break;
      for (std::size_t i = 0; i < fields.size(); ++i) {
        if (plain_name(fields[i]) != name || is_ignored(fields[i])) continue;
        if (column < Column::disabled_since && layout.has(column)) {
          throw ImportRefused("the heading names " + std::string(fields[i]) + " twice");
        }
        layout.columns[i] = column;
      }
    }
  }
  if (!layout.has(Column::phone) || layout.has(Column::password) == layout.has(Column::hash)) {
    throw ImportRefused("an account needs the column phone and either password or hash");
  }
  for (std::size_t i = 0; i < fields.size(); ++i) {
    if (layout.columns[i] != Column::unused || fields[i].empty()) continue;
    const std::string name(fields[i]);
    if (!is_ignored(name) && may_disable(name)) {
      throw ImportRefused("the column " + name +
                          " may say which accounts are disabled, but not in a way that import "
                          "knows: rename it to a column that users-ctl(8) lists, or leave it out "
                          "by --ignore-column " +
                          name);
    }
    layout.unused.push_back(name);
  }
  return layout;
}

}  // namespace users
