// Prints the CPU time that verifying a passkey takes, the median by algorithm, and fails above the
// limit.
#include <algorithm>
#include <cstdio>
#include <ctime>

#include "factors/webauthn.hpp"
#include "support/webauthn_vectors.hpp"

using namespace users;

namespace {

constexpr double kLimit = 0.3;  // ms
constexpr int kRounds = 2000;

/// Of this thread, in milliseconds.
double cpu_time() {
  timespec time{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) * 1e3 + static_cast<double>(time.tv_nsec) / 1e6;
}

/// Returns the median of kRounds, in milliseconds.
double median_of(const test::WebauthnVector& vector) {
  const webauthn::RelyingParty site{"example.org", {"https://example.org"}};
  const auto any = webauthn::UserVerification::preferred;
  const webauthn::Credential credential =
      check_registration(site, webauthn::read_client_data(vector.at("reg.clientDataJSON")),
                         vector.at("reg.attestationObject"), any);
  std::vector<double> times;
  for (int round = 0; round < kRounds; ++round) {
    const double start = cpu_time();
    check_assertion(site, webauthn::read_client_data(vector.at("auth.clientDataJSON")),
                    vector.at("auth.authenticatorData"), vector.at("auth.signature"),
                    {credential.public_key, credential.backup_eligible}, any);
    times.push_back(cpu_time() - start);
  }
  std::nth_element(times.begin(), times.begin() + kRounds / 2, times.end());
  return times[kRounds / 2];
}

}  // namespace

int main() {
  const auto vectors = test::read_webauthn_vectors();
  int worse = 0;
  for (const auto& [algorithm, name] :
       {std::pair{"ES256", "none-es256"}, {"Ed25519", "packed-eddsa"}, {"RS256", "packed-rs256"}}) {
    const double median = median_of(vectors.at(name));
    std::printf("a passkey's signature by %s: %.3f ms of CPU, at most %.1f\n", algorithm, median,
                kLimit);
    worse += median > kLimit ? 1 : 0;
  }
  return worse;
}
