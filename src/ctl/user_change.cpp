// users-ctl user lock, unlock, disable, enable, passwd, set-hash, rename-phone, end-sessions and
// delete. Commands that end sessions ask first.
#include <iostream>

#include "ctl/command.hpp"
#include "ctl/service.hpp"

namespace users::ctl {
namespace {

int report(const Phone& phone, const ChangeResult& change, const std::string& what) {
  if (change.user_id == kNoAccount) {
    std::cout << "phone " << phone.e164() << ", which has no account";
  } else {
    std::cout << "user " << change.user_id << ", phone " << phone.e164();
  }
  std::cout << ": " << (change.changed ? what : "nothing to change, it was so already") << '\n';
  return EXIT_SUCCESS;
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
  return report(phone, (service.accounts().*method)(phone), what);
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
  return report(phone, (service.accounts().*method)(phone, secret.reveal()),
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
  return report(phone, service.accounts().set_phone(phone, new_phone),
                "has the phone " + new_phone.e164() + " now, its sessions are ended");
}

}  // namespace users::ctl
