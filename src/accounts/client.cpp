#include "accounts/client.hpp"

#include <string>

namespace users {

crypto::Digest hash_retry_key(const Secret& key, std::string_view purpose, const Phone& phone,
                              std::string_view client_key, const Client& client) {
  std::string message = phone.e164();
  if (!client_key.empty()) {
    message.append(" client ").append(client_key);
  } else if (!client.request_id.empty()) {
    message.append(" nginx ").append(client.request_id);
  } else {
    message.append(" nobody ").append(crypto::random_token());
  }
  return crypto::keyed_hash(key, purpose, message);
}

db::OperationId operation_of(const Secret& key, std::string_view route, std::string_view subject,
                             const Client& client) {
  if (client.request_id.empty()) return db::new_operation();
  std::string message(route);
  message.append("\n").append(subject).append("\n").append(client.request_id);
  return crypto::keyed_hash(key, "operation", message);
}

}  // namespace users
