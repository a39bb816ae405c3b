// users-ctl group add, remove, list and members: who may go where.
#include <iostream>
#include <span>

#include "accounts/groups.hpp"
#include "base/text.hpp"
#include "ctl/service.hpp"

namespace users::ctl {
namespace {

/// Throws UsageError unless it is the name of a group.
const std::string& check_name(const std::string& name) {
  if (is_group_name(name)) return name;
  throw UsageError("a group's name is 1 to 32 of a-z, 0-9, _ and -, not '" + name + "'");
}

/// The phones in the lines of standard input. Throws UsageError that names the first line that is
/// none.
std::vector<Phone> read_phones(const Config& config) {
  std::vector<Phone> phones;
  std::string line;
  for (std::size_t number = 1; std::getline(std::cin, line); ++number) {
    const std::string_view text = trim(line);
    if (text.empty()) continue;
    try {
      phones.push_back(parse_phone(config, std::string(text)));
    } catch (const UsageError& error) {
      throw UsageError("line " + std::to_string(number) + ": " + error.what() +
                       ". Nothing was changed");
    }
  }
  if (phones.empty()) throw UsageError("standard input has no phone number");
  return phones;
}

/// All arguments but the last, or if that is `-`, what standard input has. Throws UsageError before
/// anything is changed.
std::vector<Phone> phones_of(const Call& call, const Config& config) {
  const std::span typed(call.arguments.begin(), call.arguments.end() - 1);
  if (typed.size() == 1 && typed.front() == "-") return read_phones(config);
  std::vector<Phone> phones;
  for (const std::string& text : typed) phones.push_back(parse_phone(config, text));
  return phones;
}

/// Each account is changed by itself: one that cannot be does not keep the others.
int change_members(const Call& call,
                   ChangeResult (Administration::*method)(const Phone&, const std::string&),
                   const std::string& done, const std::string& was_so) {
  const std::string& group = check_name(call.arguments.back());
  Service service(call);
  if (Phone::parse(group, service.config().phone_default_region)) {
    throw UsageError("the last argument is the group, but '" + group + "' is a phone number");
  }
  int status = EXIT_SUCCESS;
  for (const Phone& phone : phones_of(call, service.config())) {
    try {
      const ChangeResult result = (service.accounts().*method)(phone, group);
      std::cout << "user " << result.user_id << ", phone " << phone.e164() << ": "
                << (result.changed ? done : was_so) << group << '\n';
    } catch (const ChangeRefused& refused) {
      std::cerr << "users-ctl: " << refused.what() << '\n';
      status = EXIT_FAILURE;
    }
  }
  return status;
}

int group_list(const Call& call) {
  const std::uint64_t limit = limit_option(call);
  const std::string after = call.option("after").value_or("");
  if (!after.empty()) check_name(after);
  Service service(call);
  const auto groups = service.read(
      [&](db::Connection& connection) { return list_groups.all(connection, after, limit); });
  print_page(call, groups, {{"group", &Group::name}, {"members", &Group::members}}, limit,
             &Group::name);
  return EXIT_SUCCESS;
}

int group_members(const Call& call) {
  const std::uint64_t limit = limit_option(call);
  const std::uint64_t after = parse_number("--after", call.option("after").value_or("0"));
  const std::string& group = check_name(call.arguments.back());
  Service service(call);
  const auto members = service.read([&](db::Connection& connection) {
    return list_members.all(connection, group, after, limit);
  });
  print_page(call, members, {{"id", &Member::id}, {"phone", &Member::phone}}, limit, &Member::id);
  if (members.empty() && after == 0) std::cerr << "users-ctl: nobody is in " << group << '\n';
  return EXIT_SUCCESS;
}

}  // namespace

const std::vector<Command> kGroupCommands{
    {"group add", "PHONE... GROUP", "",
     "Adds accounts to a group, which locations of nginx can ask for (nginx/README.md). A name is "
     "1 to 32 of a-z, 0-9, _ and -. An account has at most 64 groups. Sessions stay, and the next "
     "request counts already. With - for PHONE reads phones from standard input, one a line: a "
     "line "
     "that is none refuses all of them. A phone without an account is told, and the others are "
     "changed.",
     [](const Call& call) {
       return change_members(call, &Administration::add_to_group, "is now in ", "was already in ");
     }},
    {"group remove", "PHONE... GROUP", "",
     "Removes accounts from a group; a group is gone with its last member. With - for PHONE reads "
     "phones from standard input, as group add does.",
     [](const Call& call) {
       return change_members(call, &Administration::remove_from_group, "is no longer in ",
                             "was not in ");
     }},
    {"group list", "", "--limit --after --json",
     "Lists the groups by name: group, members. For the next page use --after with the last name.",
     group_list},
    {"group members", "GROUP", "--limit --after --json",
     "Lists the members of a group, oldest account first: id, phone. For the next page use --after "
     "with the last id.",
     group_members},
};

}  // namespace users::ctl
