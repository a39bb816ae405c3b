// The columns of an imported table, from its first line.
#include <algorithm>
#include <cctype>
#include <vector>

#include "import/row.hpp"

namespace users {
namespace {

std::optional<std::size_t> find_column(const std::vector<std::string_view>& heading,
                                       std::string_view name) {
  const auto equal = [](unsigned char a, unsigned char b) {
    return std::tolower(a) == std::tolower(b);
  };
  std::optional<std::size_t> found;
  for (std::size_t i = 0; i < heading.size(); ++i) {
    if (!std::ranges::equal(heading[i], name, equal)) continue;
    if (found) throw ImportRefused("the heading names " + std::string(name) + " twice");
    found = i;
  }
  return found;
}

bool is_ignored(const std::vector<std::string>& ignore, std::string_view name) {
  return std::ranges::find(ignore, name) != ignore.end();
}

/// Sorts the columns that are not taken yet.
void read_further_columns(const std::vector<std::string_view>& heading,
                          const std::vector<std::string>& ignore, ImportLayout& layout) {
  const std::size_t taken[] = {layout.phone, layout.password, layout.id.value_or(layout.phone),
                               layout.created.value_or(layout.phone)};
  for (const std::string& name : ignore) {
    if (std::ranges::find(heading, name) == heading.end()) {
      throw ImportRefused("--ignore-column " + name + ": the heading has no such column");
    }
  }
  for (std::size_t i = 0; i < heading.size(); ++i) {
    if (std::ranges::find(taken, i) != std::end(taken) || heading[i].empty()) continue;
    const std::string name(heading[i]);
    const std::string plain = plain_name(name);
    const auto known = find_disabling(plain);
    if (is_ignored(ignore, name)) {
      layout.ignored.push_back(name);
    } else if (known) {
      layout.disabling.push_back({i, *known});
    } else if (may_disable(name)) {
      throw ImportRefused("the column " + name +
                          " may say which accounts are disabled, in a way that is not known here: "
                          "rename it to one that users-ctl(8) lists, or leave it out by "
                          "--ignore-column " +
                          name);
    } else {
      layout.ignored.push_back(name);
    }
  }
}

/// The column of the time of registration, by the names that the common systems have for it.
std::optional<std::size_t> find_created(const std::vector<std::string_view>& heading,
                                        const std::vector<std::string>& ignore) {
  constexpr std::string_view kNames[] = {"createtime", "createdat",      "created",
                                         "datejoined", "userregistered", "registeredat"};
  for (const std::string_view name : kNames) {
    std::optional<std::size_t> found;
    for (std::size_t i = 0; i < heading.size(); ++i) {
      if (plain_name(heading[i]) != name || is_ignored(ignore, heading[i])) continue;
      if (found) throw ImportRefused("the heading names " + std::string(heading[i]) + " twice");
      found = i;
    }
    if (found) return found;
  }
  return std::nullopt;
}

/// What may be wrong with a first line that is no heading; empty if nothing shows.
std::string hint_at(std::string_view first) {
  if (first.find('\0') != std::string_view::npos) return "; it is UTF-16: save the file as UTF-8";
  if (first.find('"') != std::string_view::npos) return "; save the file without quotes";
  if (first.find('\t') == std::string_view::npos) {
    return "; there is no tab in it: save the file as text whose columns are separated by tabs";
  }
  return "";
}

}  // namespace

ImportLayout read_layout(const Line& first, const std::vector<std::string>& ignore) {
  const auto fields = split_fields(first.text);
  const auto phone = find_column(fields, "phone");
  const auto password = find_column(fields, "password");
  const auto hash = find_column(fields, "hash");
  if (phone && (password || hash)) {
    if (password && hash) throw ImportRefused("the heading names both password and hash");
    for (const std::string& name : ignore) {
      if (name == fields[*phone] || name == fields[password ? *password : *hash]) {
        throw ImportRefused("--ignore-column " + name + ": no account can be made without it");
      }
    }
    auto id = find_column(fields, "id");
    if (id && is_ignored(ignore, fields[*id])) id.reset();
    ImportLayout layout{.heading = true,
                        .plain = password.has_value(),
                        .columns = fields.size(),
                        .phone = *phone,
                        .password = password ? *password : *hash,
                        .id = id,
                        .created = find_created(fields, ignore)};
    read_further_columns(fields, ignore, layout);
    return layout;
  }
  const bool is_row = fields.size() == 2 && fields[1].starts_with('$');
  if (!is_row || !ignore.empty()) {
    throw ImportRefused(
        "line " + std::to_string(first.number) +
        " is neither a heading with the columns phone and password (or phone and hash), as "
        "mariadb --batch prints it, nor phone, tab and hash" +
        hint_at(first.text));
  }
  return {.columns = fields.size(), .phone = 0, .password = 1};
}

}  // namespace users
