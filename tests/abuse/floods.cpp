// Floods of messages: what they may cost the owner of a phone and the site.
#include <chrono>

#include <boost/test/unit_test.hpp>

#include "evidence.hpp"
#include "support/budget.hpp"
#include "support/nginx_site.hpp"
#include "support/person.hpp"

using namespace users::test;

namespace {

HttpReply ask(const std::string& base, const std::string& phone, const std::string& from,
              std::vector<std::string> headers = {}) {
  headers.emplace_back("Content-Type: application/json");
  return send(base, {.path = "/users/code",
                     .body = body_of({{"phone", phone}}),
                     .headers = std::move(headers),
                     .source_address = from});
}

}  // namespace

BOOST_AUTO_TEST_SUITE(floods)

BOOST_AUTO_TEST_CASE(one_phone_gets_one_message_whatever_its_spelling_purpose_and_key) {
  Person victim = registered();
  const std::string spellings[] = {victim.phone(), victim.e164(), "0086 " + victim.phone()};
  const char* const purposes[] = {"login", "reset", "regist", "phone"};
  auto codes = codes_in_parallel(16, 48, [&](int i) {
    return post("code", {{"phone", spellings[i % 3]}, {"purpose", purposes[i % 4]}},
                {"Idempotency-Key: " + unheard_of("key"),
                 "X-Forwarded-For: 10.0.0." + std::to_string(i)})
        .code();
  });
  BOOST_TEST(codes[0] == 1);
  BOOST_TEST(codes[1007] == 47);
}

BOOST_AUTO_TEST_CASE(many_phones_at_once_never_pass_the_sites_hourly_budget) {
  constexpr int kLeft = 5;
  query(leave_of_budget(kLeft));
  auto codes =
      codes_in_parallel(16, 40, [&](int) { return ask(base_url(), fresh_phone(), "").code(); });
  query(kWholeBudget);
  BOOST_TEST(codes[0] == kLeft);
  BOOST_TEST(codes[1007] == 40 - kLeft);
}

BOOST_AUTO_TEST_CASE(one_address_gets_no_more_by_naming_others_in_its_headers) {
  const Site site(run_folder());
  const auto began = std::chrono::steady_clock::now();
  auto codes = codes_in_parallel(8, 100, [&](int i) {
    const std::string made_up = "198.51.100." + std::to_string(i);
    return ask(site.plain(), fresh_phone(), "127.0.0.21",
               {"X-Forwarded-For: " + made_up, "X-Real-IP: " + made_up, "Forwarded: for=" + made_up,
                "True-Client-IP: " + made_up})
        .code();
  });
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - began;
  // The first and the burst, then the rate of users_messages.
  BOOST_TEST(codes[0] <= 12 + static_cast<int>(took.count() / 5));
  BOOST_TEST(codes[0] >= 11);
  // Other addresses are served meanwhile.
  BOOST_TEST(ask(site.plain(), fresh_phone(), "127.0.0.22").code() == 0);
}

BOOST_AUTO_TEST_SUITE_END()
