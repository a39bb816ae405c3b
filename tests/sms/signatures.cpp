#include "sms/signatures.hpp"

#include <algorithm>
#include <cctype>
#include <ctime>

#include <sodium.h>

#include "support/text.hpp"

namespace users::test {
namespace {

const unsigned char* bytes(std::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}

std::string percent_decode(std::string_view text) {
  constexpr int kHex = 16;
  std::string decoded;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '%') {
      decoded += static_cast<char>(std::stoi(std::string(text.substr(i + 1, 2)), nullptr, kHex));
      i += 2;
    } else {
      decoded += text[i];
    }
  }
  return decoded;
}

/// RFC 3986: all but unreserved characters.
std::string percent_encode(std::string_view text) {
  std::string encoded;
  for (const char c : text) {
    if (std::isalnum(static_cast<unsigned char>(c)) != 0 ||
        std::string_view("-_.~").find(c) != std::string_view::npos) {
      encoded += c;
    } else {
      constexpr std::string_view kHex = "0123456789ABCDEF";
      encoded += '%';
      encoded += kHex[static_cast<unsigned char>(c) >> 4U];
      encoded += kHex[static_cast<unsigned char>(c) & 15U];
    }
  }
  return encoded;
}

/// Sorted and encoded again, so that the program's own encoding is checked.
std::string canonical_query(const std::string& target) {
  const auto mark = target.find('?');
  if (mark == std::string::npos) return "";
  std::string query;
  for (const auto& [name, value] : fields_of(std::string_view(target).substr(mark + 1))) {
    query += (query.empty() ? "" : "&") + percent_encode(name) + "=" + percent_encode(value);
  }
  return query;
}

std::string date_of(std::time_t time) {
  std::tm utc{};
  ::gmtime_r(&time, &utc);
  std::string date(sizeof "2019-02-25", '\0');
  date.resize(std::strftime(date.data(), date.size(), "%Y-%m-%d", &utc));
  return date;
}

}  // namespace

std::string hex_of(std::string_view text) {
  std::string hex(text.size() * 2 + 1, '\0');
  sodium_bin2hex(hex.data(), hex.size(), bytes(text), text.size());
  hex.pop_back();
  return hex;
}

std::string sha256_hex(std::string_view message) {
  std::string digest(crypto_hash_sha256_BYTES, '\0');
  crypto_hash_sha256(reinterpret_cast<unsigned char*>(digest.data()), bytes(message),
                     message.size());
  return hex_of(digest);
}

std::string hmac_sha256(std::string_view key, std::string_view message) {
  crypto_auth_hmacsha256_state state;
  crypto_auth_hmacsha256_init(&state, bytes(key), key.size());
  crypto_auth_hmacsha256_update(&state, bytes(message), message.size());
  std::string digest(crypto_auth_hmacsha256_BYTES, '\0');
  crypto_auth_hmacsha256_final(&state, reinterpret_cast<unsigned char*>(digest.data()));
  return digest;
}

std::string base64_of(std::string_view text) {
  constexpr auto kVariant = sodium_base64_VARIANT_ORIGINAL;
  std::string base64(sodium_base64_encoded_len(text.size(), kVariant), '\0');
  sodium_bin2base64(base64.data(), base64.size(), bytes(text), text.size(), kVariant);
  base64.pop_back();
  return base64;
}

std::map<std::string, std::string> fields_of(std::string_view encoded) {
  std::map<std::string, std::string> fields;
  while (!encoded.empty()) {
    const auto field = encoded.substr(0, encoded.find('&'));
    encoded.remove_prefix(std::min(encoded.size(), field.size() + 1));
    const auto equals = field.find('=');
    fields[percent_decode(field.substr(0, equals))] = percent_decode(field.substr(equals + 1));
  }
  return fields;
}

// The page requires every x-acs-* header, host and content-type, if sent.
std::string aliyun_authorization(const Received& request, const std::string& key_id,
                                 const std::string& secret) {
  std::string headers;
  std::string names;
  for (const auto& [name, value] : request.headers) {
    if (name != "host" && name != "content-type" && !name.starts_with("x-acs-")) continue;
    headers += name + ":" + value + "\n";
    names += (names.empty() ? "" : ";") + name;
  }
  const std::string canonical = request.method + "\n/\n" + canonical_query(request.target) + "\n" +
                                headers + "\n" + names + "\n" + sha256_hex(request.body);
  return "ACS3-HMAC-SHA256 Credential=" + key_id + ",SignedHeaders=" + names +
         ",Signature=" + hex_of(hmac_sha256(secret, "ACS3-HMAC-SHA256\n" + sha256_hex(canonical)));
}

std::string tencent_authorization(const Received& request, const std::string& service,
                                  const std::string& secret_id, const std::string& secret) {
  const std::string names = "content-type;host;x-tc-action";
  const std::string canonical = request.method + "\n" + request.target +
                                "\n\ncontent-type:" + request.header("content-type") +
                                "\nhost:" + request.header("host") +
                                "\nx-tc-action:" + lower(request.header("x-tc-action")) + "\n\n" +
                                names + "\n" + sha256_hex(request.body);
  const std::string time = request.header("x-tc-timestamp");
  const std::string date = date_of(std::stol(time));
  const std::string scope = date + "/" + service + "/tc3_request";
  const std::string key =
      hmac_sha256(hmac_sha256(hmac_sha256("TC3" + secret, date), service), "tc3_request");
  return "TC3-HMAC-SHA256 Credential=" + secret_id + "/" + scope + ", SignedHeaders=" + names +
         ", Signature=" +
         hex_of(hmac_sha256(
             key, "TC3-HMAC-SHA256\n" + time + "\n" + scope + "\n" + sha256_hex(canonical)));
}

std::string webhook_signature(const Received& request, const std::string& secret) {
  return "sha256=" +
         hex_of(hmac_sha256(secret, request.header("x-users-id") + "." +
                                        request.header("x-users-timestamp") + "." + request.body));
}

}  // namespace users::test
