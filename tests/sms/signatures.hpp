// The providers' signatures, computed from the received request without code of conf/send-sms.
#pragma once

#include <map>
#include <string>
#include <string_view>

#include "sms/fake_server.hpp"

namespace users::test {

std::string hex_of(std::string_view text);
std::string sha256_hex(std::string_view message);
/// 32 bytes; the key may have any length.
std::string hmac_sha256(std::string_view key, std::string_view message);
std::string base64_of(std::string_view text);

/// Decoded names and values of a query or a form.
std::map<std::string, std::string> fields_of(std::string_view encoded);

/// The expected Authorization for Alibaba Cloud's signature V3 and Tencent Cloud's signature v3,
/// and X-Users-Signature of conf/send-sms/webhook.
std::string aliyun_authorization(const Received& request, const std::string& key_id,
                                 const std::string& secret);
std::string tencent_authorization(const Received& request, const std::string& service,
                                  const std::string& secret_id, const std::string& secret);
std::string webhook_signature(const Received& request, const std::string& secret);

}  // namespace users::test
