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
decltype(count_groups) count_groups{"count_groups",
                                    "SELECT",
                                    {{"COUNT(*)", &db::Number::value}},
                                    "FROM group_members WHERE user_id = ?"};
decltype(find_groups) find_groups{
    "find_groups", "SELECT", {{kGroupsOfUser, &db::Text::value}}, "FROM users u WHERE u.id = ?"};
decltype(list_groups_of_users) list_groups_of_users{
    "list_groups_of_users",
    "SELECT",
    {{"user_id", &GroupsOfUser::user_id},
     {"GROUP_CONCAT(name ORDER BY name)", &GroupsOfUser::groups}},
    "FROM group_members WHERE user_id > ? AND user_id <= ? GROUP BY user_id"};
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
