// Messages asked for in masses: what they may cost the owner of a phone and the site.
#include <atomic>
#include <chrono>

#include <boost/test/unit_test.hpp>

#include "evidence.hpp"
#include "support/budget.hpp"
#include "support/daemon.hpp"
#include "support/person.hpp"

using namespace users::test;

namespace {

HttpReply ask(const std::string& base, const std::string& phone, const std::string& from,
              std::vector<std::string> headers = {}) {
  headers.emplace_back("Content-Type: application/json");
  return send(base, {.path = "/users/code",
                     .body = nlohmann::json{{"phone", phone}}.dump(),
                     .headers = std::move(headers),
                     .source_address = from});
}

}  // namespace

BOOST_AUTO_TEST_SUITE(floods)

BOOST_AUTO_TEST_CASE(one_phone_gets_one_message_whatever_its_spelling_purpose_and_key) {
  Person victim;
  victim.regist();
  const std::vector<std::string> spellings{victim.phone(), "+86" + victim.phone(),
                                           "0086 " + victim.phone()};
  const std::vector<std::string> purposes{"login", "reset", "regist", "phone"};
  std::atomic<int> accepted{0};
  std::atomic<int> refused{0};
  in_parallel(16, 48, [&](int i) {
    const auto n = static_cast<std::size_t>(i);
    const HttpReply reply = post(
        "code",
        {{"phone", spellings[n % spellings.size()]}, {"purpose", purposes[n % purposes.size()]}},
        {"Idempotency-Key: " + unheard_of("key"), "X-Forwarded-For: 10.0.0." + std::to_string(i)});
    if (reply.code() == 0) ++accepted;
    if (reply.code() == 1007) ++refused;
  });
  BOOST_TEST(accepted == 1);
  BOOST_TEST(refused == 47);
}

BOOST_AUTO_TEST_CASE(many_phones_at_once_never_pass_the_sites_hourly_budget) {
  constexpr int kLeft = 5;
  query(leave_of_budget(kLeft));
  std::atomic<int> accepted{0};
  std::atomic<int> refused{0};
  in_parallel(16, 40, [&](int) {
    const int code = ask(base_url(), fresh_phone(), "").code();
    if (code == 0) ++accepted;
    if (code == 1007) ++refused;
  });
  query(kWholeBudget);
  BOOST_TEST(accepted == kLeft);
  BOOST_TEST(refused == 40 - kLeft);
}

BOOST_AUTO_TEST_CASE(one_address_gets_no_more_by_naming_others_in_its_headers) {
  const Site site(run_folder());
  std::atomic<int> accepted{0};
  const auto began = std::chrono::steady_clock::now();
  in_parallel(8, 100, [&](int i) {
    const std::string made_up = "198.51.100." + std::to_string(i);
    const HttpReply reply = ask(site.base_url(), fresh_phone(), "127.0.0.21",
                                {"X-Forwarded-For: " + made_up, "X-Real-IP: " + made_up,
                                 "Forwarded: for=" + made_up, "True-Client-IP: " + made_up});
    if (reply.code() == 0) ++accepted;
  });
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - began;
  // A burst of 10 and the first, then 12 a minute.
  BOOST_TEST(accepted <= 12 + static_cast<int>(took.count() / 5));
  BOOST_TEST(accepted >= 11);
  // Whoever is elsewhere is served meanwhile.
  BOOST_TEST(ask(site.base_url(), fresh_phone(), "127.0.0.22").code() == 0);
}

BOOST_AUTO_TEST_SUITE_END()
