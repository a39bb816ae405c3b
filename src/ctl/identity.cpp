// users-ctl identity list, rotate and revoke: the keys that sign who a user is.
#include <iostream>

#include "ctl/service.hpp"

namespace users::ctl {
namespace {

std::vector<IdentityKey> published(Service& service) {
  return service.read(
      [](db::Connection& connection) { return list_identity_keys.all(connection); });
}

json::Value kid_column(const IdentityKey& identity) {
  return kid_of(identity.public_key);
}

int identity_list(const Call& call) {
  Service service(call);
  print_rows<IdentityKey>(call, published(service),
                          {{"kid", kid_column},
                           {"state", &IdentityKey::state},
                           {"created", &IdentityKey::created},
                           {"active", &IdentityKey::active}});
  if (!service.config().identity_sign) {
    std::cerr << "users-ctl: identity.sign is no, so no key is published and none signs\n";
  }
  return EXIT_SUCCESS;
}

int identity_rotate(const Call& call) {
  Service service(call);
  if (!service.config().identity_sign) {
    throw Refused("identity.sign is no, so nothing is signed and no key was made");
  }
  const bool made = service.accounts().rotate_identity();
  const auto keys = published(service);
  if (keys.empty()) throw Refused("there is no identity key: run the command again");
  std::cout << "key " << kid_of(keys.front().public_key) << ": "
            << (made ? "made, it signs from " : "is the next one already, it signs from ")
            << keys.front().active << " on\n";
  return EXIT_SUCCESS;
}

int identity_revoke(const Call& call) {
  const std::string& kid = call.arguments[0];
  Service service(call);
  if (!confirmed(call,
                 "Key " + kid +
                     ": it is withdrawn, and backends refuse what it signed, at the latest when "
                     "they read /users/jwks.json again. If it signs now, another key does so "
                     "within a second.")) {
    std::cerr << "users-ctl: nothing was changed\n";
    return EXIT_FAILURE;
  }
  service.accounts().revoke_identity(kid);
  std::cout << "key " << kid << ": revoked\n";
  return EXIT_SUCCESS;
}

}  // namespace

const std::vector<Command> kIdentityCommands{
    {"identity list", "", "--json",
     "Lists the keys that sign identities for backends, newest first: kid, state (next, "
     "active, retired), when it was made, from when on it signs.",
     identity_list},
    {"identity rotate", "", "",
     "Makes the next key now. It is published at once and signs in an hour, so that backends know "
     "it by then. The courier does this every identity.key_days.",
     identity_rotate},
    {"identity revoke", "KID", "--yes",
     "Withdraws a key that others may know. If it is the active one, the next one, or a new one, "
     "signs within a second, and backends may refuse requests until they have read "
     "/users/jwks.json again: make them keep it for at most 5 minutes. Asks.",
     identity_revoke},
};

}  // namespace users::ctl
