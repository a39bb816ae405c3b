#include "accounts/identity_token.hpp"

#include "base/json.hpp"

namespace users {
namespace {

constexpr std::uint64_t kSeconds = 60;
/// Up to 8 KB each, with the most and longest groups.
constexpr std::size_t kMostTokens = 256;

}  // namespace

std::string IdentitySigner::sign(db::Database& database, const Session& session,
                                 const std::string& host) {
  if (!signing_ || second_ != session.now) {
    read_key(database);
    second_ = session.now;
    tokens_.clear();
  }
  const std::string claims = json::text(json::Object{
      {"iss", config_.identity_issuer.empty() ? "https://" + host : config_.identity_issuer},
      {"aud", host},
      {"sub", std::to_string(session.user_id)},
      {"phone", session.phone},
      {"groups", json::array_of(session.groups, ',')},
      {"level", session.level},
      {"amr", json::array_of(session.amr, ' ')},
      {"auth_time", session.auth_time},
      {"iat", session.now},
      {"exp", session.now + kSeconds}});
  if (const auto found = tokens_.find(claims); found != tokens_.end()) return found->second;
  std::string token = head_ + crypto::to_base64url(claims);
  const std::string signature = signing_->sign(token);
  token.append(".").append(crypto::to_base64url(signature));
  if (tokens_.size() == kMostTokens) tokens_.clear();
  return tokens_.emplace(claims, std::move(token)).first->second;
}

void IdentitySigner::read_key(db::Database& database) {
  const IdentityKey identity = database.replay(
      [&](db::Connection& connection) { return active_identity_key(connection, key_); });
  if (signing_ && signing_->public_key() == identity.public_key) return;
  signing_.emplace(seed_of(identity, key_));
  head_ = crypto::to_base64url(json::text(json::Object{
              {"alg", "EdDSA"}, {"kid", kid_of(identity.public_key)}, {"typ", "JWT"}})) +
          ".";
}

}  // namespace users
