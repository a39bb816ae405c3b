// users-ctl user lock, unlock, disable, enable, passwd, set-hash, rename-phone, end-sessions and
// delete. Commands that end sessions ask first.
#include <iostream>

#include "ctl/service.hpp"

namespace users::ctl {
namespace {

/// Changes the account of the first phone, after asking if there is a question. Prints `done` if it
/// was changed; throws Refused if nothing was changed because of an error.
int change(const Call& call, Service& service, const std::string& question, const std::string& done,
           const std::function<ChangeResult()>& act) {
  const std::string phone = ", phone " + service.phone().e164();
  if (!question.empty()) {
    const User user = service.account();
    const std::uint64_t sessions = service.accounts().standing(user).sessions;
    if (!confirmed(call, "User " + std::to_string(user.id) + phone +
                             ", sessions alive: " + std::to_string(sessions) + ": " + question)) {
      std::cerr << "users-ctl: nothing was changed\n";
      return EXIT_FAILURE;
    }
  }
  const ChangeResult result = act();
  std::cout << (result.user_id == kNoAccount
                    ? "phone " + service.phone().e164() + ", which has no account"
                    : "user " + std::to_string(result.user_id) + phone)
            << ": " << (result.changed ? done : "nothing to change, it was so already") << '\n';
  return EXIT_SUCCESS;
}

/// A change without further arguments; does not ask if `question` is empty.
int change_account(const Call& call, ChangeResult (Administration::*method)(const Phone&),
                   const std::string& question, const std::string& done) {
  Service service(call, 1);
  return change(call, service, question, done,
                [&] { return (service.accounts().*method)(service.phone()); });
}

/// Changes a secret of the account, called `thing` and read from standard input.
int change_secret(const Call& call,
                  ChangeResult (Administration::*method)(const Phone&, std::string_view),
                  const std::string& thing) {
  Service service(call, 1);
  return change(call, service, "it gets a new " + thing + ", and all its sessions end.",
                "has the new " + thing + ", its sessions are ended", [&] {
                  const Secret secret = read_secret_from_input("new " + thing);
                  return (service.accounts().*method)(service.phone(), secret.reveal());
                });
}

int user_rename_phone(const Call& call) {
  Service service(call, 2);
  const std::string& fresh = service.phone(1).e164();
  return change(call, service, "its phone becomes " + fresh + ", and all its sessions end.",
                "has the phone " + fresh + " now, its sessions are ended",
                [&] { return service.accounts().set_phone(service.phone(), service.phone(1)); });
}

}  // namespace

const std::vector<Command> kChangeCommands{
    {"user lock", "PHONE", "",
     "Refuses passwords for 15 minutes (1008), as after 10 wrong ones. Sessions stay, and login "
     "by code works.",
     [](const Call& call) {
       return change_account(call, &Administration::lock, "",
                             "locked, no password is taken for " +
                                 std::to_string(throttle::kLogins.seconds / 60) +
                                 " minutes; its sessions stay");
     }},
    {"user unlock", "PHONE", "",
     "Clears what the limits of this phone and of its account have counted, as user show lists it. "
     "The phone needs no account: it may be about to register.",
     [](const Call& call) {
       return change_account(call, &Administration::unlock, "",
                             "unlocked: the counts of its limits are cleared");
     }},
    {"user disable", "PHONE", "--yes", "Prevents logins and ends all sessions for good. Asks.",
     [](const Call& call) {
       return change_account(call, &Administration::disable,
                             "its sessions end, and it cannot log in until it is enabled.",
                             "disabled, its sessions are ended");
     }},
    {"user enable", "PHONE", "", "Allows logins again.",
     [](const Call& call) {
       return change_account(call, &Administration::enable, "", "enabled, it can log in again");
     }},
    {"user passwd", "PHONE", "--yes",
     "Sets a new password, read from standard input. It must follow the rules of a registration: "
     "password.min_length to 128 characters, and not easily guessed. Ends all sessions and clears "
     "the count of wrong passwords. Second factors stay. Asks.",
     [](const Call& call) {
       return change_secret(call, &Administration::set_password, "password");
     }},
    {"user set-hash", "PHONE", "--yes",
     "Sets a password hash from another system, read from standard input: argon2, bcrypt, SHA-256 "
     "or SHA-512 of crypt(5), yescrypt, within the limits of import. The next login replaces it. "
     "Ends all sessions and clears the count of wrong passwords. Asks.",
     [](const Call& call) { return change_secret(call, &Administration::set_hash, "hash"); }},
    {"user rename-phone", "PHONE NEW", "--yes",
     "Changes the phone to one that no account has. Ends all sessions and voids the codes of the "
     "old phone. Second factors stay. Asks.",
     user_rename_phone},
    {"user end-sessions", "PHONE", "--yes", "Ends all sessions of the account. Asks.",
     [](const Call& call) {
       return change_account(call, &Administration::end_sessions, "all its sessions end.",
                             "all its sessions are ended");
     }},
    {"user remove-factors", "PHONE", "--yes",
     "Removes the second factors, recovery codes and passkeys, for an owner who has lost them: "
     "logins need only the password or a code again. Ends all sessions. First make sure that you "
     "talk to the owner. Asks.",
     [](const Call& call) {
       return change_account(
           call, &Administration::remove_factors,
           "its second factors, recovery codes and passkeys are removed, and "
           "all its sessions end.",
           "has no second factor and no passkey any more, its sessions are ended");
     }},
    {"user delete", "PHONE", "--yes",
     "Deletes the account with its sessions, codes and factors; the audit stays. Asks.",
     [](const Call& call) {
       return change_account(call, &Administration::remove,
                             "it is deleted for good, with its sessions and codes.",
                             "deleted; users-ctl audit '#NUMBER' still shows its history");
     }},
};

}  // namespace users::ctl
