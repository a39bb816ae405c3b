#include "accounts/groups.hpp"

#include <algorithm>

namespace users {

bool is_group_name(std::string_view text) {
  constexpr std::size_t kLongest = 32;
  return !text.empty() && text.size() <= kLongest && std::ranges::all_of(text, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
  });
}

decltype(add_to_group) add_to_group{
    "add_to_group", "INSERT IGNORE INTO group_members (user_id, name) VALUES (?, ?)"};
decltype(remove_from_group) remove_from_group{
    "remove_from_group", "DELETE FROM group_members WHERE user_id = ? AND name = ?"};
decltype(remove_from_groups) remove_from_groups{"remove_from_groups",
                                                "DELETE FROM group_members WHERE user_id = ?"};
decltype(copy_groups) copy_groups{
    "copy_groups",
    "UPDATE users SET groupNames = IFNULL((SELECT GROUP_CONCAT(m.name ORDER BY m.name) FROM "
    "group_members m WHERE m.user_id = users.id), '') WHERE id = ?"};
decltype(list_groups) list_groups{
    "list_groups",
    "SELECT",
    {{"name", &Group::name}, {"COUNT(*)", &Group::members}},
    "FROM group_members WHERE name > ? GROUP BY name ORDER BY name LIMIT ?"};
decltype(list_members) list_members{"list_members",
                                    "SELECT",
                                    {{"u.id", &Member::id}, {"u.phone", &Member::phone}},
                                    "FROM group_members m JOIN users u ON u.id = m.user_id WHERE "
                                    "m.name = ? AND m.user_id > ? ORDER BY m.user_id LIMIT ?"};

}  // namespace users
