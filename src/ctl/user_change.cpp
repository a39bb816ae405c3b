// users-ctl user lock, unlock, disable, enable, passwd, set-hash, rename-phone, end-sessions and
// delete. Commands that end sessions ask first.
#include <iostream>

#include "ctl/command.hpp"
#include "ctl/service.hpp"

namespace users::ctl {
namespace {

std::string rule_of_length(const Config& config) {
  return "a password is UTF-8 text of " + std::to_string(config.password_min_length) +
         " to 128 characters";
}

/// Prints the result. Throws Refused if nothing was changed because of an error.
int report(const Config& config, const Phone& phone, const ChangeResult& change,
           const std::string& what) {
  const std::string who =
      change.user_id == kNoAccount
          ? "phone " + phone.e164() + ", which has no account"
          : "user " + std::to_string(change.user_id) + ", phone " + phone.e164();
  switch (change.verdict) {
    case Verdict::done:
      std::cout << who << ": " << what << '\n';
      return EXIT_SUCCESS;
    case Verdict::unchanged:
      std::cout << who << ": nothing to change, it was so already\n";
      return EXIT_SUCCESS;
    case Verdict::no_account:
      throw Refused("no account has the phone " + phone.e164());
    case Verdict::phone_taken:
      throw Refused("another account has the new phone: nothing was changed");
    case Verdict::bad_password:
      throw Refused(rule_of_length(config) + ": nothing was changed");
    case Verdict::weak_password:
      throw Refused("this password is too easily guessed: nothing was changed, choose another");
    case Verdict::bad_hash:
      throw Refused(
          "no hash that can be verified here (argon2, bcrypt, SHA-256 and SHA-512 of crypt(5), "
          "yescrypt): nothing was changed");
    case Verdict::costly_hash:
      throw Refused(std::string(text_of(change.hash_fault)) +
                    ", too much for a login: nothing was changed. Have the owner reset the "
                    "password by code, or set one with users-ctl user passwd");
  }
  return EXIT_FAILURE;
}

/// Returns true if the operator confirms. Throws Refused before asking if no account has the phone.
bool agreed(Service& service, const Call& call, const Phone& phone, const std::string& what) {
  const User user = find_account(service, phone);
  const std::string who =
      "User " + std::to_string(user.id) + ", phone " + phone.e164() +
      ", sessions alive: " + std::to_string(service.accounts().standing(user).sessions) + ": ";
  const bool yes = confirmed(call, who + what);
  if (!yes) std::cerr << "users-ctl: nothing was changed\n";
  return yes;
}

using Method = ChangeResult (Administration::*)(const Phone&);

/// A change without further arguments; does not ask if `question` is empty.
int change_account(const Call& call, Method method, const std::string& question,
                   const std::string& what) {
  const Config config = call.config();
  const Phone phone = phone_argument(config, call, 0);
  Service service(config);
  if (!question.empty() && !agreed(service, call, phone, question)) return EXIT_FAILURE;
  return report(config, phone, (service.accounts().*method)(phone), what);
}

/// Changes a secret of the account, called `thing` and read from standard input.
int change_secret(const Call& call,
                  ChangeResult (Administration::*method)(const Phone&, std::string_view),
                  const std::string& thing) {
  const Config config = call.config();
  const Phone phone = phone_argument(config, call, 0);
  Service service(config);
  if (!agreed(service, call, phone, "it gets a new " + thing + ", and all its sessions end.")) {
    return EXIT_FAILURE;
  }
  const Secret secret = read_secret_from_input("new " + thing);
  return report(config, phone, (service.accounts().*method)(phone, secret.reveal()),
                "has the new " + thing + ", its sessions are ended");
}

}  // namespace

int user_lock(const Call& call) {
  return change_account(call, &Administration::lock, "",
                        "locked, no password is taken for 15 minutes; its sessions stay");
}

int user_unlock(const Call& call) {
  return change_account(call, &Administration::unlock, "",
                        "unlocked, wrong passwords, guesses at codes and codes sent are forgotten");
}

int user_disable(const Call& call) {
  return change_account(call, &Administration::disable,
                        "its sessions end, and it cannot log in until it is enabled.",
                        "disabled, its sessions are ended");
}

int user_enable(const Call& call) {
  return change_account(call, &Administration::enable, "", "enabled, it can log in again");
}

int user_end_sessions(const Call& call) {
  return change_account(call, &Administration::end_sessions, "all its sessions end.",
                        "all its sessions are ended");
}

int user_delete(const Call& call) {
  return change_account(call, &Administration::remove,
                        "it is deleted for good, with its sessions and codes.",
                        "deleted; users-ctl audit '#NUMBER' still shows its history");
}

int user_passwd(const Call& call) {
  return change_secret(call, &Administration::set_password, "password");
}

int user_set_hash(const Call& call) {
  return change_secret(call, &Administration::set_hash, "hash");
}

int user_rename_phone(const Call& call) {
  const Config config = call.config();
  const Phone phone = phone_argument(config, call, 0);
  const Phone new_phone = phone_argument(config, call, 1);
  Service service(config);
  if (!agreed(service, call, phone,
              "its phone becomes " + new_phone.e164() + ", and all its sessions end.")) {
    return EXIT_FAILURE;
  }
  return report(config, phone, service.accounts().set_phone(phone, new_phone),
                "has the phone " + new_phone.e164() + " now, its sessions are ended");
}

}  // namespace users::ctl
