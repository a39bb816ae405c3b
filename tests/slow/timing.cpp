// No reply may reveal whether a phone has an account, nor may its timing.
#include <algorithm>
#include <cmath>
#include <functional>
#include <iostream>

#include <boost/test/data/test_case.hpp>
#include <boost/test/unit_test.hpp>

#include "stack/requests.hpp"
#include "support/authenticator.hpp"
#include "support/budget.hpp"

using namespace users::test;
namespace data = boost::unit_test::data;

namespace {

double median(std::vector<double> times) {
  const auto middle = times.begin() + static_cast<std::ptrdiff_t>(times.size() / 2);
  std::ranges::nth_element(times, middle);
  return *middle;
}

/// How an endpoint answers a phone with an account and one without.
struct Comparison {
  Person known;
  Person unknown;
  std::function<HttpReply(const Person&)> request;
  std::function<void(const Person&)> forget;  ///< resets the limits for it
  HttpReply first{};
  int different = 0;

  /// Medians in milliseconds of 300 timings each, of the known phone and of the unknown one. They
  /// alternate, so that a slow machine affects both.
  std::pair<double, double> series() {
    constexpr int kRounds = 300;
    std::vector<double> times[2];
    for (int i = 0; i < 2 * kRounds; ++i) {
      const bool of_known = i % 4 == 0 || i % 4 == 3;
      const Person& who = of_known ? known : unknown;
      HttpReply reply = request(who);
      times[of_known ? 0 : 1].push_back(reply.milliseconds);
      forget(who);
      // The only headers that differ between replies.
      reply.headers.erase("x-request-id");
      reply.headers.erase("date");
      if (first.status == 0) first = reply;
      if (reply.status != first.status || reply.body != first.body ||
          reply.headers != first.headers) {
        ++different;
      }
    }
    std::cout << "known phone: median " << median(times[0]) << " ms, unknown phone: median "
              << median(times[1]) << " ms" << std::endl;
    return {median(times[0]), median(times[1])};
  }

  /// Whether the medians differ by less than 5 % or 0.2 ms in two of at most three series: one may
  /// be noise.
  bool is_even() {
    int even = 0;
    int uneven = 0;
    while (even < 2 && uneven < 2) {
      const auto [of_known, of_unknown] = series();
      const bool close = std::abs(of_known - of_unknown) < std::max(0.2, 0.05 * of_unknown);
      ++(close ? even : uneven);
    }
    return even == 2;
  }
};

/// With sanitizers a message takes longer than a decoy. A site runs without them.
boost::test_tools::assertion_result is_release(boost::unit_test::test_unit_id) {
  return program("users-fcgi").find("/release/") != std::string::npos;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(timing, *boost::unit_test::label("issued") *
                                  boost::unit_test::precondition(is_release))

const bool kWithSecondFactor[] = {false, true};

BOOST_DATA_TEST_CASE(a_login_with_a_wrong_password_tells_nothing_about_the_phone,
                     data::make(kWithSecondFactor), with_second_factor) {
  Comparison login;
  if (with_second_factor) {
    login.known = Enrolled().person;
  } else {
    login.known.regist();
  }
  login.request = [](const Person& who) {
    return post("login", {{"phone", who.phone()}, {"password", "another horse 42"}});
  };
  login.forget = [](const Person& who) { let_time_pass_for(who.e164()); };
  BOOST_TEST(login.is_even());
  BOOST_TEST(login.different == 0);
  BOOST_TEST(login.first.code() == 1004);
}

/// Purposes for which only phones with accounts get a message.
const char* const kSecret[] = {"login", "reset"};

BOOST_DATA_TEST_CASE(a_wrong_code_tells_nothing_about_the_phone, data::make(kSecret), purpose) {
  Comparison wrong;
  wrong.known.regist();
  const std::string right = wrong.known.code(purpose);
  const std::string guess = other_than(right);
  BOOST_TEST(post("code", {{"phone", wrong.unknown.phone()}, {"purpose", purpose}}).code() == 0);
  const auto try_code = [&](const Person& who, const std::string& code) {
    Arguments arguments{{"phone", who.phone()}, {"code", code}};
    if (purpose == std::string("reset")) arguments.push_back({"password", "another horse 7"});
    return post(purpose, arguments);
  };
  wrong.request = [&](const Person& who) { return try_code(who, guess); };
  wrong.forget = [](const Person& who) {
    let_time_pass_for(who.e164());
    query("UPDATE verification_codes SET tries = 0 WHERE phone = '" + who.e164() + "'");
  };
  BOOST_TEST(wrong.is_even());
  BOOST_TEST(wrong.different == 0);
  BOOST_TEST(wrong.first.status == 403);
  BOOST_TEST(wrong.first.code() == 1005);
  // Only the wrong code was refused: the right one still works.
  BOOST_TEST(try_code(wrong.known, right).code() == 0);
}

BOOST_DATA_TEST_CASE(a_request_for_a_code_tells_nothing_about_the_phone, data::make(kSecret),
                     purpose) {
  Comparison code;
  code.known.regist();
  code.request = [&](const Person& who) {
    return post("code", {{"phone", who.phone()}, {"purpose", purpose}});
  };
  code.forget = [](const Person& who) {
    let_time_pass_for(who.e164());
    query(kWholeBudget);
  };
  BOOST_TEST(code.is_even());
  BOOST_TEST(code.different == 0);
  BOOST_TEST(code.first.code() == 0);
}

BOOST_AUTO_TEST_SUITE_END()
