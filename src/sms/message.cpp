#include "sms/message.hpp"

#include <algorithm>
#include <array>

#include "base/crypto.hpp"

namespace users {
namespace {

crypto::Digest outbox_key(const Secret& key) {
  return crypto::keyed_hash(key, "outbox", "");
}

}  // namespace

std::string seal(const Secret& key, const Message& message) {
  std::string text = message.phone;
  text.append("\n").append(message.purpose).append("\n").append(message.code);
  text.append("\n").append(message.language);
  std::string sealed = crypto::seal(outbox_key(key), text);
  wipe(text);
  return sealed;
}

std::optional<Message> open_message(const Secret& key, std::string_view sealed) {
  const auto opened = crypto::open_sealed(outbox_key(key), sealed);
  if (!opened) return std::nullopt;
  // Views: a string that is moved from leaves the code behind.
  std::array<std::string_view, 4> parts;
  std::string_view rest = opened->reveal();
  for (auto& part : parts) {
    part = rest.substr(0, rest.find('\n'));
    rest.remove_prefix(std::min(part.size() + 1, rest.size()));
  }
  return Message{std::string(parts[0]), std::string(parts[1]), std::string(parts[2]),
                 std::string(parts[3])};
}

}  // namespace users
